#include "shared/loyalty/rewards.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"

namespace perkline::loyalty {
namespace {

constexpr std::int64_t hundred = 100;

std::int64_t factor_of(const RewardRules& rules, std::string_view tier) {
  const auto found = std::ranges::find(rules.tiers, tier, &TierRule::name);
  return found == rules.tiers.end() ? 0 : found->factor_hundredths;
}

std::int64_t minor_in_unit(Currency currency) {
  std::int64_t minor = 1;
  for (int i = 0; i < currency.exponent(); ++i) minor *= 10;
  return minor;
}

/// floor(a × b / divisor). In 128 bits, as an amount times a rate may leave 64; all are ≥ 0.
std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t divisor) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(static_cast<Wide>(a) * b / divisor);
}

}  // namespace

const RewardRules& default_rules() {
  static const RewardRules rules{
      .points_per_unit_hundredths = 200,
      .tiers = {{"Base", 0}, {"Silver", 25}, {"Gold", 50}, {"Platinum", 100}},
  };
  return rules;
}

Rewards price(const RewardRules& rules, const Sale& sale) {
  PERKLINE_ASSERT(sale.amount.minor >= 0 && rules.points_per_unit_hundredths >= 0);
  const std::int64_t factor = factor_of(rules, sale.tier);
  PERKLINE_ASSERT(factor >= 0);
  const std::int64_t base = scaled(sale.amount.minor, rules.points_per_unit_hundredths,
                                   hundred * minor_in_unit(sale.amount.currency));
  return {.base = Points{base},
          .tier_bonus = Points{scaled(base, factor, hundred)},
          .multiplier_ten_thousandths = rules.points_per_unit_hundredths * (hundred + factor)};
}

std::string multiplier_text(const Rewards& rewards) {
  constexpr std::int64_t one = hundred * hundred;
  std::string decimals = std::to_string(one + rewards.multiplier_ten_thousandths % one).substr(1);
  while (decimals.size() > 1 && decimals.ends_with('0')) decimals.pop_back();
  return std::to_string(rewards.multiplier_ten_thousandths / one) + '.' + decimals;
}

}  // namespace perkline::loyalty
