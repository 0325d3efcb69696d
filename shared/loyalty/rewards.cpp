#include "shared/loyalty/rewards.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"

namespace perkline::loyalty {
namespace {

constexpr std::int64_t hundred = 100;
constexpr std::int64_t million = 1'000'000;
/// An amount times rate and factor may leave 64 bits.
__extension__ using Wide = __int128;

std::int64_t tier_factor(const RewardRules& rules, std::string_view tier) {
  const auto found = std::ranges::find(rules.tiers, tier, &TierRule::name);
  return found == rules.tiers.end() ? 0 : found->factor_hundredths;
}

bool applies(const DayRule& rule, std::chrono::sys_days day) {
  return rule.date == day || std::ranges::count(rule.weekdays, std::chrono::weekday(day)) > 0;
}

std::int64_t day_factor(const RewardRules& rules, std::chrono::sys_days day) {
  std::optional<std::int64_t> highest;
  for (const DayRule& rule : rules.days) {
    if (applies(rule, day)) highest = std::max(highest.value_or(0), rule.factor_hundredths);
  }
  return highest.value_or(hundred);
}

std::int64_t rate_of(const RewardRules& rules, std::string_view category) {
  const auto found = std::ranges::find(rules.categories, category, &CategoryRule::name);
  return found == rules.categories.end() ? rules.points_per_unit_hundredths
                                         : found->points_per_unit_hundredths;
}

std::int64_t minor_in_unit(Currency currency) {
  std::int64_t minor = 1;
  for (int i = 0; i < currency.exponent(); ++i) minor *= 10;
  return minor;
}

/// Points × 100 × minor units in a unit, before the day's factor.
Wide weighted(const RewardRules& rules, const Sale& sale) {
  Wide sum = 0;
  std::int64_t rest = sale.amount.minor;
  for (const Line& line : sale.lines) {
    PERKLINE_ASSERT(line.amount_minor >= 0 && line.amount_minor <= rest);
    rest -= line.amount_minor;
    sum += static_cast<Wide>(line.amount_minor) * rate_of(rules, line.category);
  }
  return sum + static_cast<Wide>(rest) * rules.points_per_unit_hundredths;
}

}  // namespace

const RewardRules& default_rules() {
  static const RewardRules rules{.version = "built-in",
                                 .points_per_unit_hundredths = 200,
                                 .tiers = {{"Base", 0}, {"Silver", 25}, {"Gold", 50}, {"Platinum", 100}}};
  return rules;
}

Rewards price(const RewardRules& rules, const Sale& sale) {
  PERKLINE_ASSERT(sale.amount.minor >= 0);
  const std::int64_t tier = tier_factor(rules, sale.tier);
  const std::int64_t day = day_factor(rules, sale.day);
  const Wide unit = Wide{hundred} * hundred * minor_in_unit(sale.amount.currency);
  const Wide base = weighted(rules, sale) * day / unit;
  const Wide bonus = base * tier / hundred;
  return {.base = Points{static_cast<std::int64_t>(base)},
          .tier_bonus = Points{static_cast<std::int64_t>(bonus)},
          .multiplier_millionths = rules.points_per_unit_hundredths * day * (hundred + tier)};
}

std::string multiplier_text(const Rewards& rewards) {
  std::string decimals = std::to_string(million + rewards.multiplier_millionths % million).substr(1);
  while (decimals.size() > 1 && decimals.ends_with('0')) decimals.pop_back();
  return std::to_string(rewards.multiplier_millionths / million) + '.' + decimals;
}

}  // namespace perkline::loyalty
