#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/money.hpp"

/// How a sale earns points (contract.md §5). Pure; edge, hub and sandbox price alike.
namespace perkline::loyalty {

/// What rules may hold at most, in hundredths: so that even the largest amount's points fit 64 bits.
inline constexpr std::int64_t rate_hundredths_max = 100'000;       ///< A thousand points a unit.
inline constexpr std::int64_t tier_factor_hundredths_max = 1'000;  ///< Ten times the base points on top.
inline constexpr std::int64_t day_factor_hundredths_max = 10'000;  ///< A hundredfold.
static_assert(1'000'000'000'000 * (rate_hundredths_max / 100) * (day_factor_hundredths_max / 100) <=
                  INT64_MAX / (1 + tier_factor_hundredths_max / 100) / 2,
              "parse_amount takes less than 10^12 units");

/// A member's standing and what it adds to the base points.
struct TierRule {
  std::string name;
  std::int64_t factor_hundredths = 0;  ///< 50: half of the base points on top.
  bool operator==(const TierRule&) const = default;
};

/// Goods that earn at a rate of their own; 0: not at all.
struct CategoryRule {
  std::string name;
  std::int64_t points_per_unit_hundredths = 0;
  bool operator==(const CategoryRule&) const = default;
};

/// Days on which base points are multiplied: one date, or the same weekdays of every week.
struct DayRule {
  std::optional<std::chrono::sys_days> date = std::nullopt;
  std::vector<std::chrono::weekday> weekdays = {};
  std::int64_t factor_hundredths = 100;
  bool operator==(const DayRule&) const = default;
};

/// What prices a basket: data, so that a chain may have its own.
struct RewardRules {
  std::string version = {};                       ///< 1 to 64 bytes.
  std::int64_t points_per_unit_hundredths = 200;  ///< Base points a unit of the currency, × 100.
  std::vector<TierRule> tiers = {};               ///< A tier that is not among them adds nothing.
  std::vector<CategoryRule> categories = {};      ///< What is in none of them earns at the rate above.
  std::vector<DayRule> days = {};                 ///< Of those that apply the highest factor counts.
  bool operator==(const RewardRules&) const = default;
};

/// Version `built-in`: two points a unit; Base 0, Silver 0.25, Gold 0.5, Platinum 1.
const RewardRules& default_rules();

/// The part of a sale that is goods of one category.
struct Line {
  std::string_view category;
  std::int64_t amount_minor = 0;
};

struct Sale {
  Money amount;  ///< ≥ 0, within parse_amount's grammar.
  std::string_view tier;
  std::span<const Line> lines = {};  ///< Sum at most to the amount; the rest is of no category.
  std::chrono::sys_days day = {};    ///< By the store's calendar.
};

struct Rewards {
  Points base;        ///< Rounded down, once for the whole sale.
  Points tier_bonus;  ///< Of the base as it was rounded; rounded down.
  /// Points a unit of goods without a category, with the day's and the tier's share, × 10^6: exact for every
  /// rule.
  std::int64_t multiplier_millionths = 0;

  Points earned() const { return Points{base.count + tier_bonus.count}; }
  bool operator==(const Rewards&) const = default;
};

/// In whole numbers throughout. Points may exceed points_max: to refuse such a sale is the caller's part.
Rewards price(const RewardRules& rules, const Sale& sale);

/// As JSON writes it: at least one decimal, no trailing zeros behind it. `3.0`, `2.5`, `2.125`.
std::string multiplier_text(const Rewards& rewards);

}  // namespace perkline::loyalty
