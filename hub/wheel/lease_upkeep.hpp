#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Which units of stocked prizes stores are leased (README.md, "Leases"). Errors: the database's.
namespace perkline::hub::wheel {

inline constexpr std::int64_t lease_units_max = 50;
inline constexpr std::int64_t lease_share =
    4;  ///< Of what is free all stores together get one part in so many.
inline constexpr std::int64_t kept_for_the_web = 1;  ///< Of what is free.
/// So long after it gave units back a store is leased no more of that prize.
inline constexpr hours lease_pause{1};
/// After that a store is to give back what it has not given away.
inline constexpr hours lease_life{24};

/// How many more units of a prize a store is to have that has `left` of it, where `stores` share what is
/// `free`. Never the last ones that are free. Pure.
std::int64_t units_to_lease(std::int64_t free, std::int64_t stores, std::int64_t left);

struct UpkeepCause {
  Uuid id;  ///< Drawn before the transaction: the leases' ids derive from it.
  WallTime at;
  bool may_grant = true;  ///< Not by a clock in doubt: a lease is to be given back by its time.
};
/// Grants the store what it lacks, and puts it into its catalogue, less what has ended. One that takes no
/// leases (stores::takes_leases), as its history has forked or its epoch is nobody's yet, is granted none,
/// and has none in its catalogue until it does. Nothing is granted while a
/// restored hub waits for stores (stores/awaited.hpp). How many units were granted. In the caller's
/// transaction, late: see downlink::put_item, whose errors it has too.
Result<std::int64_t> keep_leases(db::Transaction& transaction, const UpkeepCause& cause,
                                 const StoreId& store);

/// The same for all stores, one after the other; one that cannot be served keeps no other from it: the first
/// error is told behind the last of them. For the job `prize-leases`.
Task<Result<std::int64_t>> keep_all_leases(db::Database& database, const Clock& clock, UuidMaker& ids);

}  // namespace perkline::hub::wheel
