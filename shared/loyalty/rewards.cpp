#include "shared/loyalty/rewards.hpp"

#include <algorithm>
#include <array>

#include "shared/core/assert.hpp"

namespace perkline::loyalty {
namespace {

constexpr std::int64_t points_per_unit = 2;
constexpr std::array tiers{Tier{"Base", 0}, Tier{"Silver", 25}, Tier{"Gold", 50}, Tier{"Platinum", 100}};

}  // namespace

std::optional<Tier> find_tier(std::string_view name) {
  const auto found = std::ranges::find(tiers, name, &Tier::name);
  if (found == tiers.end()) return std::nullopt;
  return *found;
}

Rewards price(const Money& amount, const Tier& tier) {
  PERKLINE_ASSERT(amount.minor >= 0);
  std::int64_t minor_in_unit = 1;
  for (int i = 0; i < amount.currency.exponent(); ++i) minor_in_unit *= 10;
  // Within the tills' grammar both products stay below 2^63: 10^16 minor units at most, points at most
  // 2·10^12.
  const std::int64_t base = points_per_unit * amount.minor / minor_in_unit;
  return {.base = Points{base},
          .tier_bonus = Points{base * tier.factor_hundredths / 100},
          .multiplier_hundredths = points_per_unit * (100 + tier.factor_hundredths)};
}

}  // namespace perkline::loyalty
