#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/core/clock.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::points {

/// What the programme grants (contract.md §3, `programme`).
struct Terms {
  /// Points for a sale of at least `from`.
  struct Step {
    std::int64_t from = 0;  ///< Minor units of `currency`.
    std::int64_t points = 0;
  };

  Currency currency = find_currency("USD").value();
  std::int64_t signup = 0;
  std::int64_t referral = 1;
  days expiry{365};                                         ///< How long points live.
  std::vector<std::pair<std::string, std::int64_t>> tiers;  ///< Name and the points it begins at, rising.
  std::vector<Step> purchase_rule;                          ///< Rising; the highest one reached counts.
};

/// The tier below the first of `tiers`.
inline constexpr const char* base_tier = "Base";

/// What the purchase rule gives for a sale; nothing in another currency than the programme's. Pure.
std::int64_t points_for(const Terms& terms, const Money& amount);
/// The tier that so many points earned within 12 months make. Pure.
std::string tier_for(const Terms& terms, std::int64_t earned);

}  // namespace perkline::hub::points
