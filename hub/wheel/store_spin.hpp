#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/loyalty/wheel.hpp"

namespace perkline::hub::wheel {

/// What a store tells of a draw of its own.
struct StoreDraw {
  StoreId store;
  loyalty::Draw draw;
  std::string commitment;     ///< The seed's, hex: one of the store's.
  loyalty::PrizeTable table;  ///< What was drawn from.
  std::string version;        ///< The table's, hex.
  std::string prize;
};

/// Makes a store's draw again with the seed that the hub gave it. Errors: validation_failed (the seed is none
/// of the store's, or what loyalty::verify says), the database's.
Result<void> verify_store_spin(db::Transaction& transaction, const StoreDraw& told);

}  // namespace perkline::hub::wheel
