#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace perkline::hub::events {

/// All types of domain events there are; README.md says what each tells.
inline constexpr std::array<std::string_view, 22> event_types{
    "PLAYER_REGISTERED",  "USER_DEACTIVATED",
    "WALLET_CREATED",     "REFERRAL_SIGNUP",
    "PROMOTION_ASSIGNED", "PROMOTION_CLAIMED",
    "SPIN_EXECUTED",      "PRIZE_AWARDED",
    "POINTS_APPLIED",     "POINTS_EXPIRING",
    "TIER_CHANGED",       "SALE_FINALIZED",
    "SALE_PENDING",       "SALE_SETTLED",
    "SALE_REJECTED",      "SALE_RETURNED",
    "PAYMENT_INITIATED",  "PAYMENT_COMPLETED",
    "PAYMENT_FAILED",     "WALLET_CREDITED",
    "WALLET_DEBITED",     "PROMOTION_CLAIM_REFUSED",
};

constexpr bool is_event_type(std::string_view name) {
  return std::ranges::find(event_types, name) != event_types.end();
}

}  // namespace perkline::hub::events
