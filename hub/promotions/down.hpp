#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "hub/db/database.hpp"
#include "hub/promotions/promotion.hpp"
#include "shared/core/bytes.hpp"

/// Promotions in the stores' catalogue: those that are active and not over. In the caller's transaction,
/// late: see downlink::put_item.
namespace perkline::hub::promotions {

/// The promotion as it is from now on. Errors: as downlink::put_item.
Result<void> put_down(db::Transaction& transaction, const Promotion& promotion, std::chrono::sys_days today);

/// The promotion as a till told its member of it: title and amount are as its item in the
/// store's catalogue said, whose body has that SHA-256 (sync.proto, PromotionClaimed), the rest as it is now.
/// nullopt: a claim that says nothing of it, as on the web: it is as it is now. Errors: validation_failed (it
/// never said so, as far as this hub remembers: the store has made it up, or the hub was restored to before),
/// the database's.
Result<Promotion> promotion_as_told(db::Transaction& transaction, const Promotion& now,
                                    const std::optional<Digest>& terms);

/// All of them as they are on that day; how many items that changed. Errors: corrupt, as
/// downlink::put_item.
Result<std::int64_t> refresh_down(db::Transaction& transaction, std::chrono::sys_days today);

}  // namespace perkline::hub::promotions
