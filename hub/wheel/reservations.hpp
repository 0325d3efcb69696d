#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/wheel/leases.hpp"
#include "shared/core/ids.hpp"

/// Spins that stores are about to make: one-time prizes are kept for each from the store's question until it
/// tells that the spin was drawn or dropped. Table: spin_reservation. In the caller's transaction. Errors:
/// the database's, as everywhere here.
namespace perkline::hub::wheel {

/// So long it is remembered that a spin is over: longer than any question for it is on its way.
inline constexpr days ended_spins_kept{40};

struct ComingSpin {
  Uuid id;
  StoreId store;
  CustomerId card;
};
/// Which one-time prizes may be in its draw, by rising id; these are kept for it (reserve_one_time). Asked
/// again it answers the same. None for a spin that is over, or another store's. The card's row in `member` is
/// the caller's to hold.
Result<std::vector<std::string>> reserve_for(db::Transaction& transaction, const ComingSpin& spin,
                                             WallTime at);

/// From here on nothing is kept for the spin, whenever it is asked; what was is for the caller to settle.
/// Errors: validation_failed (it is another store's).
Result<void> end_reservation(db::Transaction& transaction, const StoreId& store, const Uuid& spin,
                             WallTime at);

/// The spin was not made: what was kept for it is anybody's again. One that is booked stays as it is. Errors:
/// as end_reservation.
Result<void> drop_spin(db::Transaction& transaction, const StoreId& store, const Uuid& spin, WallTime at);

/// A draw that its store has made, and that could not be booked.
struct RefusedSpin {
  Uuid id;
  std::string prize;  ///< The till has given it away.
};
/// Its reservation is over, as if it were booked: what it did not win is anybody's again. What it did stays
/// with its member, who has it. One that is booked, or another store's, stays as it is.
Result<void> end_refused_spin(db::Transaction& transaction, const StoreId& store, const RefusedSpin& spin,
                              WallTime at);

/// What the store was about to make and will never tell of, as it is lost, or that life of its data is. How
/// many.
Result<std::int64_t> drop_lost_spins(db::Transaction& transaction, const StoreId& store, LeaseLives lives,
                                     WallTime at);
/// How many are open that were asked for in lives of the store's data before the present one.
Result<std::int64_t> count_earlier_spins(db::Transaction& transaction, const StoreId& store);

/// Forgets up to `limit` spins that were over before `before`: a step of a purge. How many.
Result<std::int64_t> forget_ended_spins(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::wheel
