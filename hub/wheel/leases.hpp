#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/wheel/prizes.hpp"
#include "shared/core/ids.hpp"

/// Units of stocked prizes that stores may give away without asking (sync.md, `PrizeLease`): of a prize's
/// stock each unit is free, leased or awarded; over a restore too (carry_over.hpp). In the caller's
/// transaction. Errors: the database's, as everywhere here.
namespace perkline::hub::wheel {

struct Lease {
  std::string id;  ///< As make_lease_id() makes it.
  std::string prize;
  StoreId store;
  std::int64_t units = 0;  ///< > 0: its ordinals are 1 to units.
  std::int64_t awarded = 0;
  std::int64_t returned = 0;
  WallTime made_at;
  WallTime return_after;    ///< When the store is to give back what is left; the hub does not act on it.
  std::string holder = {};  ///< Which life of the store's data it is for (sync.proto, lease_holder), hex.

  std::int64_t left() const { return units - awarded - returned; }
  bool operator==(const Lease&) const = default;
};

/// Takes the units out of what is free of the prize. False: not so many are, or the prize is not stocked;
/// nothing has changed.
Result<bool> grant_lease(db::Transaction& transaction, const Lease& lease);
/// A store's leases with something left, oldest first.
Result<std::vector<Lease>> open_leases(db::Transaction& transaction, const StoreId& store);

/// What a store's leases have left, by the life of its data that they were granted to.
struct LeasedUnits {
  std::int64_t present = 0;
  std::int64_t earlier = 0;  ///< Nobody draws from these; staff may write them off.
};
Result<LeasedUnits> leased_units(db::Transaction& transaction, const StoreId& store);

/// Units that nobody draws from, and that stay away from everybody until staff write them off
/// (`perkline-hub store write-off-leases`): of lives of stores' data before the present one, and of retired
/// stores.
using StrandedUnits = std::map<StoreId, std::int64_t>;
Result<StrandedUnits> stranded_units(db::Transaction& transaction);

/// Of all stores that take leases (stores::takes_leases), those with something left that one may draw from.
Result<std::vector<Lease>> leases_of_known_holders(db::Transaction& transaction);

/// One unit of a lease, that a store says it gave away. That it is given once is up to `spin`, which is
/// unique by lease and ordinal.
struct LeasedUnit {
  std::string lease;
  std::int64_t ordinal = 0;
};
/// Books the unit as awarded; of a lease that is known by its id alone (lease_id.hpp), as the hub was
/// restored to before it was granted, out of what is free. False: of such a lease, and the prize has no stock
/// any more: nothing is counted. Errors: validation_failed (the lease was never given, is another store's or
/// prize's, has no such ordinal, or nothing is left of it, as it was returned or written off; nothing is
/// free).
Result<bool> award_leased(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                          const LeasedUnit& unit);

/// One that a draw has given away which staff has discarded: it is awarded all the same, to no spin, as the
/// customer has it; a forgotten lease's comes out of what is free, if anything is. Where there is no such
/// unit at the store, or a spin has it, nothing changes.
Result<void> award_discarded(db::Transaction& transaction, const StoreId& store, const std::string& prize,
                             const LeasedUnit& unit);

/// The store gives back what it has returned of the lease in all so far, `returned`; what it said before is
/// counted once. A lease that is not known has nothing to give back. Errors: validation_failed (another
/// store's, or more than is left).
Result<void> return_lease(db::Transaction& transaction, const StoreId& store, const std::string& lease,
                          std::int64_t returned, WallTime now);
/// Which of a store's leases: all, or those of lives of its data before the present one.
enum class LeaseLives : std::uint8_t { all, earlier };
/// Staff's word that these are lost: what is left of them is free again and they go from the store's
/// catalogue, with a row in the audit for each. Whatever the store says of them later finds nothing left. How
/// many units. Late in the transaction: see downlink::put_item.
Result<std::int64_t> write_off_leases(db::Transaction& transaction, const PrizeCause& cause,
                                      const StoreId& store, const std::string& reason,
                                      LeaseLives lives = LeaseLives::all);

/// How long a lease that nothing is left of is kept at least. What a store tells of one that is not known any
/// more would count as that of one which a restored hub has forgotten.
inline constexpr days keep_settled_leases{90};
/// Steps for the job `purge-programme`: notes since when it has known that nothing is left of a lease, and
/// drops those known before then whose store can tell no more of them: it is retired, or has told all it
/// holds 30 days later or more; and of its spins none that could not be booked waits for a person. The last
/// lease of a prize to a store stays, as it says whose turn is next. At most `limit`; how many.
Result<std::int64_t> note_settled_leases(db::Transaction& transaction, WallTime now, std::int64_t limit);
Result<std::int64_t> drop_settled_leases(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::wheel
