#include "hub/wheel/lease_upkeep.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "hub/points/cause.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/stores/progress.hpp"
#include "hub/wheel/down.hpp"
#include "hub/wheel/lease_id.hpp"
#include "hub/wheel/leases.hpp"

namespace perkline::hub::wheel {
namespace {

struct FreeUnits {
  std::string prize;
  std::int64_t units = 0;
};

/// nullopt: it takes none. Held, so that nobody else supplies the store until the end of the transaction.
Result<std::optional<std::string>> hold_holder(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query("SELECT CASE WHEN " + std::string(stores::takes_leases) +
                                    " THEN store.lease_holder END FROM store WHERE id = $1" +
                                    std::string(transaction.for_update()),
                                {store.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().optional_text(0);
}

Result<std::int64_t> count_stores(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT COUNT(*) FROM store WHERE " + std::string(stores::takes_leases));
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

/// Of what can be drawn: by rising id, the order in which all take their rows.
Result<std::vector<FreeUnits>> free_units(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT id, stock - leased - awarded FROM prize WHERE active = 1 AND tickets > 0 AND stock IS NOT NULL"
      " AND leased + awarded < stock AND " +
      std::string(stores::nobody_is_awaited) + " ORDER BY id");
  if (!rows) return failure(rows);
  std::vector<FreeUnits> free;
  for (const db::Row& row : *rows) free.push_back({.prize = row.text(0), .units = row.integer(1)});
  return free;
}

/// By prize; another life's are none of this one's.
std::map<std::string, std::int64_t> units_left(const std::vector<Lease>& open, const std::string& holder) {
  std::map<std::string, std::int64_t> left;
  for (const Lease& lease : open) {
    if (lease.holder == holder) left[lease.prize] += lease.left();
  }
  return left;
}

}  // namespace

namespace {

/// How much of a prize one store is due; 0: there is less than a unit for each.
std::int64_t share_of(std::int64_t free, std::int64_t stores) {
  return free / (lease_share * std::max<std::int64_t>(stores, 1));
}

/// Prizes that the store has given units of back lately: it did not need them, or its clock runs away.
Result<std::set<std::string>> returned_lately(db::Transaction& transaction, const StoreId& store,
                                              WallTime now) {
  auto rows = transaction.query("SELECT prize_id FROM prize_lease WHERE store_id = $1 AND returned_at > $2",
                                {store.str(), (now - lease_pause).time_since_epoch().count()});
  if (!rows) return failure(rows);
  std::set<std::string> prizes;
  for (const db::Row& row : *rows) prizes.insert(row.text(0));
  return prizes;
}

/// Of a prize that is scarce: whether another store that speaks has none of it, and had some longer ago or
/// never.
Result<bool> is_anothers_turn(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                              WallTime now) {
  auto rows = transaction.query(
      "SELECT 1 FROM store WHERE " + std::string(stores::takes_leases) +
          " AND store.id <> $1 AND store.last_seen > $3 AND NOT EXISTS (SELECT 1 FROM prize_lease held WHERE"
          " held.store_id = store.id AND held.prize_id = $2 AND held.awarded + held.returned < held.units)"
          " AND COALESCE((SELECT MAX(had.made_at) FROM prize_lease had WHERE had.store_id = store.id AND"
          " had.prize_id = $2), 0) < (SELECT MAX(mine.made_at) FROM prize_lease mine WHERE mine.store_id = $1"
          " AND mine.prize_id = $2) LIMIT 1",
      {store.str(), prize, (now - lease_pause).time_since_epoch().count()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

}  // namespace

std::int64_t units_to_lease(std::int64_t free, std::int64_t stores, std::int64_t left) {
  if (free <= kept_for_the_web) return 0;
  const std::int64_t target = std::clamp<std::int64_t>(share_of(free, stores), 1, lease_units_max);
  if (2 * left >= target) return 0;
  return std::min(target - left, free - kept_for_the_web);
}

Result<std::int64_t> keep_leases(db::Transaction& transaction, const UpkeepCause& cause,
                                 const StoreId& store) {
  const auto holder = hold_holder(transaction, store);
  if (!holder) return std::unexpected(holder.error());
  if (!*holder) {
    if (auto withdrawn = put_leases_down(transaction, store, {}); !withdrawn) return failure(withdrawn);
    return 0;
  }
  const auto stores = count_stores(transaction);
  if (!stores) return stores;
  const auto free = free_units(transaction);
  if (!free) return std::unexpected(free.error());
  auto open = open_leases(transaction, store);
  if (!open) return failure(open);
  auto left = units_left(*open, **holder);
  const auto paused = returned_lately(transaction, store, cause.at);
  if (!paused) return std::unexpected(paused.error());
  std::int64_t granted = 0;
  for (std::size_t i = 0; cause.may_grant && i < free->size(); ++i) {
    const auto& [prize, units] = (*free)[i];
    Lease lease{.id = {},
                .prize = prize,
                .store = store,
                .units = units_to_lease(units, *stores, left[prize]),
                .made_at = cause.at,
                .return_after = cause.at + lease_life,
                .holder = **holder};
    if (lease.units == 0 || paused->contains(prize)) continue;
    if (share_of(units, *stores) == 0) {
      const auto waits = is_anothers_turn(transaction, store, prize, cause.at);
      if (!waits) return std::unexpected(waits.error());
      if (*waits) continue;
    }
    auto id = make_lease_id(transaction, points::derived_id(cause.id, i),
                            {.store = store, .prize = prize, .units = lease.units});
    if (!id) return failure(id);
    lease.id = std::move(*id);
    const auto taken = grant_lease(transaction, lease);
    if (!taken) return std::unexpected(taken.error());
    // Somebody has won it meanwhile; there is a next time.
    if (!*taken) continue;
    granted += lease.units;
    open->push_back(lease);
  }
  std::erase_if(*open, [&](const Lease& lease) { return lease.holder != **holder; });
  if (auto put = put_leases_down(transaction, store, *open); !put) return failure(put);
  return granted;
}

Task<Result<std::int64_t>> keep_all_leases(db::Database& database, const Clock& clock, UuidMaker& ids) {
  auto stores = co_await db::read_for<std::vector<StoreId>>(
      database, [](db::Transaction& transaction) -> Result<std::vector<StoreId>> {
        auto rows = transaction.query(
            "SELECT id FROM store WHERE retired_at IS NULL AND lease_holder IS NOT NULL ORDER BY id");
        if (!rows) return failure(rows);
        std::vector<StoreId> found;
        for (const db::Row& row : *rows) found.emplace_back(row.text(0));
        return found;
      });
  if (!stores) co_return failure(stores);
  Result<std::int64_t> granted = 0;
  for (const StoreId& store : *stores) {
    const UpkeepCause cause{.id = ids.next(), .at = clock.wall_now()};
    const auto units = co_await db::write_for<std::int64_t>(
        database, [&](db::Transaction& transaction) { return keep_leases(transaction, cause, store); });
    if (granted && units) *granted += *units;
    if (granted && !units) granted = std::unexpected(units.error());
  }
  co_return granted;
}

}  // namespace perkline::hub::wheel
