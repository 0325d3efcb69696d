#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/money.hpp"

/// How a sale earns points (contract.md §5). Pure; edge, hub and sandbox price alike.
namespace perkline::loyalty {

/// A member's standing and what it adds to the base points.
struct TierRule {
  std::string name;
  std::int64_t factor_hundredths = 0;  ///< 50: half of the base points on top.
  bool operator==(const TierRule&) const = default;
};

/// What prices a basket: data, so that a chain may have its own.
struct RewardRules {
  std::int64_t points_per_unit_hundredths = 200;  ///< Base points a unit of the currency, × 100.
  std::vector<TierRule> tiers;                    ///< A tier that is not among them adds nothing.
  bool operator==(const RewardRules&) const = default;
};

/// Two points a unit; Base 0, Silver 0.25, Gold 0.5, Platinum 1.
const RewardRules& default_rules();

struct Sale {
  Money amount;  ///< ≥ 0, within parse_amount's grammar.
  std::string_view tier;
};

struct Rewards {
  Points base;        ///< Rounded down.
  Points tier_bonus;  ///< Of the base as it was rounded; rounded down.
  /// Points a unit with the tier's share, × 10,000: exact for every rule.
  std::int64_t multiplier_ten_thousandths = 0;

  Points earned() const { return Points{base.count + tier_bonus.count}; }
  bool operator==(const Rewards&) const = default;
};

/// In whole numbers throughout. Points may exceed points_max: to refuse such a sale is the caller's part.
Rewards price(const RewardRules& rules, const Sale& sale);

/// As JSON writes it: at least one decimal, no trailing zeros behind it. `3.0`, `2.5`, `2.125`.
std::string multiplier_text(const Rewards& rewards);

}  // namespace perkline::loyalty
