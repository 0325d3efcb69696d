#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/core/money.hpp"

/// How a sale earns points (contract.md §5). Pure; edge, hub and sandbox price alike.
namespace perkline::loyalty {

/// A member's standing and what it adds to the base points, in hundredths.
struct Tier {
  std::string_view name;
  std::int64_t factor_hundredths;
};
/// Base, Silver, Gold, Platinum; nullopt for any other name.
std::optional<Tier> find_tier(std::string_view name);

struct Rewards {
  Points base;                             ///< floor(2 × amount)
  Points tier_bonus;                       ///< floor(base × factor)
  std::int64_t multiplier_hundredths = 0;  ///< 2 × (1 + factor)

  Points earned() const { return Points{base.count + tier_bonus.count}; }
};

/// The default rules, in whole numbers throughout. `amount` ≥ 0, within the tills' grammar.
Rewards price(const Money& amount, const Tier& tier);

}  // namespace perkline::loyalty
