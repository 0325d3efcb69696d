#pragma once

#include <chrono>
#include <cstdint>

#include "hub/db/database.hpp"
#include "hub/promotions/promotion.hpp"

/// Promotions in the stores' catalogue: those that are active and not over. In the caller's transaction,
/// late: see downlink::put_item.
namespace perkline::hub::promotions {

/// The promotion as it is from now on. Errors: as downlink::put_item.
Result<void> put_down(db::Transaction& transaction, const Promotion& promotion, std::chrono::sys_days today);

/// All of them as they are on that day; how many items that changed. Errors: corrupt, as
/// downlink::put_item.
Result<std::int64_t> refresh_down(db::Transaction& transaction, std::chrono::sys_days today);

}  // namespace perkline::hub::promotions
