#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/seeds.hpp"

/// The wheel in the stores' catalogue (sync.proto, CatalogueItem): active prizes for every store, and each
/// store's own seeds that are secret still, and leases that something is left of. In the caller's
/// transaction, late: see downlink::put_item, whose errors these have, and the database's.
namespace perkline::hub::wheel {

/// What stores are told of the prize, be it active or not.
std::string body_of(const Prize& prize);
/// The prize as it is from now on.
Result<void> put_prize_down(db::Transaction& transaction, const Prize& prize);

struct StoreSeed {
  StoreId store;
  Day day;
  std::string commitment;  ///< Hex.
  std::string seed;        ///< Hex; empty: it is to be known by nobody but the hub from now on.
};
/// The hub's own among them are passed over.
Result<void> put_seeds_down(db::Transaction& transaction, std::span<const StoreSeed> seeds);

/// The store's leases as they are from now on: `open`, those that its present life draws from.
Result<void> put_leases_down(db::Transaction& transaction, const StoreId& store,
                             const std::vector<Lease>& open);

/// All of each as they are; how many items that changed.
Result<std::int64_t> refresh_prizes_down(db::Transaction& transaction);
Result<std::int64_t> refresh_seeds_down(db::Transaction& transaction);
Result<std::int64_t> refresh_leases_down(db::Transaction& transaction);

}  // namespace perkline::hub::wheel
