#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::points {

/// What a member has, in points.
struct Balance {
  std::int64_t balance = 0;        ///< The programme's own points, free to spend.
  std::int64_t pending = 0;        ///< Of those: on their way.
  std::int64_t expiring_soon = 0;  ///< Of those: lapsing within 30 days.
  struct Rewards {
    std::int64_t net = 0;  ///< Earned less redeemed through Perkline; may be negative.
    std::int64_t pending = 0;
    std::int64_t owed = 0;                    ///< Claw-backs PDI does not know of.
    std::optional<std::int64_t> pdi_balance;  ///< As PDI last told; nullopt: it never has.
    std::optional<WallTime> as_of;            ///< When it told.
  } rewards;
  std::string tier = "Base";
};

/// nullopt: no sale of this customer has been seen. Errors: the database's.
Result<std::optional<Balance>> balance_of(db::Transaction& transaction, const CustomerId& customer);

}  // namespace perkline::hub::points
