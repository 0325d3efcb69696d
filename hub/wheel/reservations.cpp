#include "hub/wheel/reservations.hpp"

#include "hub/wheel/one_time.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::wheel {
namespace {

Result<bool> is_booked(db::Transaction& transaction, const Uuid& spin) {
  auto rows = transaction.query("SELECT 1 FROM spin WHERE id = $1", {spin.str()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

}  // namespace

Result<std::vector<std::string>> reserve_for(db::Transaction& transaction, const ComingSpin& spin,
                                             WallTime at) {
  // Also the lock that end_reservation() waits for.
  auto open = transaction.execute(
      "INSERT INTO spin_reservation (spin_id, store_id, at, holder) VALUES ($1, $2, $3, COALESCE((SELECT"
      " lease_holder FROM store WHERE id = $2), '')) ON CONFLICT (spin_id)"
      " DO UPDATE SET at = spin_reservation.at WHERE spin_reservation.store_id = excluded.store_id"
      " AND spin_reservation.ended_at IS NULL",
      {spin.id.str(), spin.store.str(), stamp(at)});
  if (!open) return failure(open);
  if (*open == 0) return std::vector<std::string>{};
  return reserve_one_time(transaction, spin.card, spin.id.str(), at);
}

Result<void> end_reservation(db::Transaction& transaction, const StoreId& store, const Uuid& spin,
                             WallTime at) {
  auto ended = transaction.execute(
      "INSERT INTO spin_reservation (spin_id, store_id, at, ended_at) VALUES ($1, $2, $3, $3)"
      " ON CONFLICT (spin_id) DO UPDATE SET ended_at = COALESCE(spin_reservation.ended_at, excluded.ended_at)"
      " WHERE spin_reservation.store_id = excluded.store_id",
      {spin.str(), store.str(), stamp(at)});
  if (!ended) return failure(ended);
  if (*ended == 0) return fail(Errc::validation_failed, "the spin is another store's");
  return {};
}

Result<void> drop_spin(db::Transaction& transaction, const StoreId& store, const Uuid& spin, WallTime at) {
  if (auto ended = end_reservation(transaction, store, spin, at); !ended) return ended;
  const auto booked = is_booked(transaction, spin);
  if (!booked) return std::unexpected(booked.error());
  if (*booked) return {};
  return unmark_one_time(transaction, spin.str());
}

Result<void> end_refused_spin(db::Transaction& transaction, const StoreId& store, const RefusedSpin& spin,
                              WallTime at) {
  auto ended = end_reservation(transaction, store, spin.id, at);
  if (!ended && ended.error().code == Errc::validation_failed) return {};
  if (!ended) return ended;
  const auto booked = is_booked(transaction, spin.id);
  if (!booked) return std::unexpected(booked.error());
  if (*booked) return {};
  return unmark_one_time(transaction, spin.id.str(), spin.prize);
}

Result<std::int64_t> count_earlier_spins(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query(
      "SELECT COUNT(*) FROM spin_reservation kept JOIN store ON store.id = kept.store_id WHERE kept.store_id "
      "="
      " $1 AND kept.ended_at IS NULL AND kept.holder <> COALESCE(store.lease_holder, '')",
      {store.str()});
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

Result<std::int64_t> drop_lost_spins(db::Transaction& transaction, const StoreId& store, LeaseLives lives,
                                     WallTime at) {
  static const std::string end =
      "UPDATE spin_reservation SET ended_at = $2 WHERE store_id = $1 AND ended_at IS NULL";
  auto open = transaction.query(
      end +
          (lives == LeaseLives::all ? ""
                                    : " AND holder <> COALESCE((SELECT lease_holder FROM store WHERE id ="
                                      " $1), '')") +
          " RETURNING spin_id",
      {store.str(), stamp(at)});
  if (!open) return failure(open);
  for (const db::Row& row : *open) {
    if (auto unmarked = unmark_one_time(transaction, row.text(0)); !unmarked) return failure(unmarked);
  }
  return std::ssize(*open);
}

Result<std::int64_t> forget_ended_spins(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM spin_reservation WHERE spin_id IN (SELECT spin_id FROM spin_reservation"
      " WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
      {stamp(before), limit});
}

}  // namespace perkline::hub::wheel
