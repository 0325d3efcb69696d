#include "hub/wheel/leases.hpp"

#include "hub/downlink/purge.hpp"
#include "hub/points/cause.hpp"
#include "hub/stores/progress.hpp"
#include "hub/wheel/down.hpp"
#include "hub/wheel/lease_id.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr std::string_view columns =
    "SELECT id, prize_id, store_id, units, awarded, returned, made_at, return_after, holder FROM"
    " prize_lease";

Lease lease_in(const db::Row& row) {
  return {.id = row.text(0),
          .prize = row.text(1),
          .store = StoreId(row.text(2)),
          .units = row.integer(3),
          .awarded = row.integer(4),
          .returned = row.integer(5),
          .made_at = WallTime{Millis{row.integer(6)}},
          .return_after = WallTime{Millis{row.integer(7)}},
          .holder = row.text(8)};
}

Result<std::vector<Lease>> leases(db::Transaction& transaction, const std::string& condition,
                                  std::vector<db::Value> parameters) {
  auto rows = transaction.query(std::string(columns) + condition, std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<Lease> found;
  for (const db::Row& row : *rows) found.push_back(lease_in(row));
  return found;
}

/// Held until the end of the transaction; nullopt: there is no such lease. Errors: validation_failed (another
/// store's).
Result<std::optional<Lease>> hold_lease(db::Transaction& transaction, const StoreId& store,
                                        const std::string& id) {
  auto found = leases(transaction, " WHERE id = $1" + std::string(transaction.for_update()), {id});
  if (!found) return failure(found);
  if (found->empty()) return std::nullopt;
  if (found->front().store != store) return fail(Errc::validation_failed, "the lease is another store's");
  return std::move(found->front());
}

/// Units that are at no store any more: free again, or awarded.
Result<void> end_leased(db::Transaction& transaction, const std::string& prize, std::int64_t units,
                        std::int64_t awarded) {
  auto done = transaction.execute(
      "UPDATE prize SET leased = leased - $2, awarded = awarded + $3 WHERE id = $1", {prize, units, awarded});
  if (!done) return failure(done);
  return {};
}

Result<void> take_back(db::Transaction& transaction, const Lease& lease, std::int64_t units) {
  auto noted =
      transaction.execute("UPDATE prize_lease SET returned = returned + $2 WHERE id = $1", {lease.id, units});
  if (!noted) return failure(noted);
  return end_leased(transaction, lease.prize, units, 0);
}

/// Of a lease that was granted after the backup which this database was restored from: the unit is gone all
/// the same. Whether there was one to be counted.
Result<bool> award_forgotten(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                             const LeasedUnit& unit) {
  const auto units = units_by_id(transaction, unit.lease, store, prize);
  if (!units) return std::unexpected(units.error());
  if (!*units) return fail(Errc::validation_failed, "the store was never given this lease");
  if (unit.ordinal < 1 || unit.ordinal > **units)
    return fail(Errc::validation_failed, "the lease has no such unit");
  const auto taken = take_unit(transaction, prize);
  if (!taken || *taken) return taken;
  const auto known = find_prize(transaction, prize);
  if (!known) return std::unexpected(known.error());
  if (!*known || (*known)->stock)
    return fail(Errc::validation_failed, "the lease is forgotten, and nothing is free of the prize");
  return false;
}

}  // namespace

Result<bool> grant_lease(db::Transaction& transaction, const Lease& lease) {
  auto taken = transaction.execute(
      "UPDATE prize SET leased = leased + $2 WHERE id = $1 AND leased + awarded + $2 <= stock",
      {lease.prize, lease.units});
  if (!taken) return failure(taken);
  if (*taken == 0) return false;
  auto granted = transaction.execute(
      "INSERT INTO prize_lease (id, prize_id, store_id, units, made_at, return_after, holder)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {lease.id, lease.prize, lease.store.str(), lease.units, lease.made_at.time_since_epoch().count(),
       lease.return_after.time_since_epoch().count(), lease.holder});
  if (!granted) return failure(granted);
  return true;
}

Result<std::vector<Lease>> open_leases(db::Transaction& transaction, const StoreId& store) {
  return leases(transaction, " WHERE store_id = $1 AND awarded + returned < units ORDER BY id",
                {store.str()});
}

Result<LeasedUnits> leased_units(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query(
      "SELECT CAST(COALESCE(SUM(CASE WHEN lease.holder = store.lease_holder THEN lease.units - lease.awarded "
      "-"
      " lease.returned ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(lease.units - lease.awarded -"
      " lease.returned), 0) AS BIGINT) FROM prize_lease lease JOIN store ON store.id = lease.store_id"
      " WHERE lease.store_id = $1",
      {store.str()});
  if (!rows) return failure(rows);
  const std::int64_t present = rows->front().integer(0);
  return LeasedUnits{.present = present, .earlier = rows->front().integer(1) - present};
}

Result<StrandedUnits> stranded_units(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT store.id, CAST(SUM(lease.units - lease.awarded - lease.returned) AS BIGINT) FROM prize_lease"
      " lease JOIN store ON store.id = lease.store_id WHERE lease.awarded + lease.returned < lease.units AND"
      " (store.retired_at IS NOT NULL OR lease.holder <> COALESCE(store.lease_holder, '')) GROUP BY "
      "store.id");
  if (!rows) return failure(rows);
  StrandedUnits units;
  for (const db::Row& row : *rows) units.emplace(row.text(0), row.integer(1));
  return units;
}

Result<std::vector<Lease>> leases_of_known_holders(db::Transaction& transaction) {
  return leases(
      transaction,
      " WHERE awarded + returned < units AND holder <> '' AND holder = (SELECT store.lease_holder FROM"
      " store WHERE store.id = prize_lease.store_id AND " +
          std::string(stores::takes_leases) + ") ORDER BY id",
      {});
}

Result<bool> award_leased(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                          const LeasedUnit& unit) {
  const auto found = hold_lease(transaction, store, unit.lease);
  if (!found) return std::unexpected(found.error());
  if (!*found) return award_forgotten(transaction, store, prize, unit);
  const std::optional<Lease>& lease = *found;
  if (lease->prize != prize) return fail(Errc::validation_failed, "the lease is of another prize");
  if (unit.ordinal < 1 || unit.ordinal > lease->units)
    return fail(Errc::validation_failed, "the lease has no such unit");
  if (lease->left() == 0) return fail(Errc::validation_failed, "nothing is left of the lease");
  auto noted = transaction.execute("UPDATE prize_lease SET awarded = awarded + 1 WHERE id = $1", {lease->id});
  if (!noted) return failure(noted);
  if (auto ended = end_leased(transaction, prize, 1, 1); !ended) return failure(ended);
  return true;
}

Result<void> award_discarded(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                             const LeasedUnit& unit) {
  auto spins = transaction.query("SELECT 1 FROM spin WHERE lease_id = $1 AND ordinal = $2",
                                 {unit.lease, unit.ordinal});
  if (!spins) return failure(spins);
  if (!spins->empty()) return {};
  auto awarded = award_leased(transaction, store, prize, unit);
  if (!awarded && awarded.error().code == Errc::validation_failed) return {};
  if (!awarded) return failure(awarded);
  if (!*awarded) return {};
  auto noted =
      transaction.execute("UPDATE prize_lease SET discarded = discarded + 1 WHERE id = $1", {unit.lease});
  if (!noted) return failure(noted);
  auto apart =
      transaction.execute("UPDATE prize SET awarded_apart = awarded_apart + 1 WHERE id = $1", {prize});
  if (!apart) return failure(apart);
  return {};
}

Result<void> return_lease(db::Transaction& transaction, const StoreId& store, const std::string& id,
                          std::int64_t returned, WallTime now) {
  const auto lease = hold_lease(transaction, store, id);
  if (!lease) return std::unexpected(lease.error());
  // Of one that is forgotten no unit was ever taken out of what is free.
  if (!*lease) return {};
  const std::int64_t more = returned - (*lease)->returned;
  if (more <= 0) return {};
  if (more > (*lease)->left())
    return fail(Errc::validation_failed, "more is returned than is left of the lease");
  auto noted = transaction.execute("UPDATE prize_lease SET returned_at = $2 WHERE id = $1",
                                   {id, now.time_since_epoch().count()});
  if (!noted) return failure(noted);
  return take_back(transaction, **lease, more);
}

Result<std::int64_t> write_off_leases(db::Transaction& transaction, const PrizeCause& cause,
                                      const StoreId& store, const std::string& reason, LeaseLives lives) {
  // The store first, as who applies its events or supplies it holds it.
  auto holder = transaction.query("SELECT lease_holder, CASE WHEN " + std::string(stores::takes_leases) +
                                      " THEN 1 ELSE 0 END FROM store WHERE id = $1" +
                                      std::string(transaction.for_update()),
                                  {store.str()});
  if (!holder) return failure(holder);
  if (holder->empty()) return fail(Errc::not_found, "no such store");
  const std::string spared = lives == LeaseLives::all ? "-" : holder->front().optional_text(0).value_or("-");
  auto open = leases(transaction,
                     " WHERE store_id = $1 AND awarded + returned < units AND holder <> $2 ORDER BY id" +
                         std::string(transaction.for_update()),
                     {store.str(), spared});
  if (!open) return failure(open);
  std::int64_t units = 0;
  for (std::size_t i = 0; i < open->size(); ++i) {
    const Lease& lease = (*open)[i];
    units += lease.left();
    if (auto taken = take_back(transaction, lease, lease.left()); !taken) return failure(taken);
    json::Writer detail;
    detail.begin_object().field("leaseId", lease.id).field("storeId", store.str());
    detail.field("units", lease.left()).field("reason", reason).end_object();
    auto audited = identity::append_audit(transaction, {.id = points::derived_id(cause.id, i),
                                                        .at = cause.at,
                                                        .actor = cause.actor,
                                                        .action = "lease.written_off",
                                                        .subject = "prize:" + lease.prize,
                                                        .detail = detail.take()});
    if (!audited) return failure(audited);
  }
  std::vector<Lease> left;
  if (holder->front().integer(1) == 1) {
    auto still_open =
        leases(transaction, " WHERE store_id = $1 AND awarded + returned < units AND holder = $2",
               {store.str(), holder->front().text(0)});
    if (!still_open) return failure(still_open);
    left = std::move(*still_open);
  }
  if (auto put = put_leases_down(transaction, store, left); !put) return failure(put);
  return units;
}

Result<std::int64_t> note_settled_leases(db::Transaction& transaction, WallTime now, std::int64_t limit) {
  return transaction.execute(
      "UPDATE prize_lease SET settled_since = $1 WHERE id IN (SELECT id FROM prize_lease WHERE settled_since "
      "IS"
      " NULL AND awarded + returned = units LIMIT $2)",
      {now.time_since_epoch().count(), limit});
}

Result<std::int64_t> drop_settled_leases(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM prize_lease WHERE id IN (SELECT lease.id FROM prize_lease lease JOIN store ON store.id ="
      " lease.store_id WHERE lease.settled_since < $1 AND (store.retired_at IS NOT NULL OR store.all_told_at "
      ">="
      " lease.settled_since + $3) AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.state = 'open'"
      " AND dead_letter.type = 'SpinDrawn' AND dead_letter.store_id = lease.store_id) AND EXISTS (SELECT 1 "
      "FROM"
      " prize_lease later WHERE later.store_id = lease.store_id AND later.prize_id = lease.prize_id AND"
      " (later.made_at > lease.made_at OR (later.made_at = lease.made_at AND later.id > lease.id))) LIMIT "
      "$2)",
      {before.time_since_epoch().count(), limit, Millis{downlink::gone_by_at_most}.count()});
}

}  // namespace perkline::hub::wheel
