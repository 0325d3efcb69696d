#pragma once

#include <vector>

#include "hub/wheel/seeds.hpp"

namespace perkline::hub::wheel {

/// All of a store's from that day on that are not revealed: what it is to draw with.
inline Result<std::vector<OpenSeed>> open_seeds(db::Transaction& transaction, const StoreId& store,
                                                Day from) {
  auto rows = transaction.query(
      "SELECT wheel_seed.commitment FROM wheel_seed JOIN wheel_secret ON wheel_secret.seed_id = wheel_seed.id"
      " WHERE wheel_seed.store_id = $1 AND wheel_seed.day >= $2 ORDER BY wheel_seed.day",
      {store.str(), std::int64_t{from.time_since_epoch().count()}});
  if (!rows) return failure(rows);
  std::vector<OpenSeed> seeds;
  for (const db::Row& row : *rows) {
    auto seed = find_seed(transaction, store, row.text(0));
    if (!seed) return failure(seed);
    seeds.push_back(std::move(**seed));
  }
  return seeds;
}

}  // namespace perkline::hub::wheel
