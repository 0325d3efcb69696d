#include "edge/standin/pricing.hpp"

#include <algorithm>
#include <vector>

namespace perkline::edge::standin {
namespace {

/// An amount times another may leave 64 bits.
__extension__ using Wide = __int128;
constexpr std::int64_t thousandths = 1000;

/// floor(amount × numerator / denominator); 0 of nothing.
std::int64_t scaled(std::int64_t amount, std::int64_t numerator, std::int64_t denominator) {
  if (denominator == 0) return 0;
  return static_cast<std::int64_t>(static_cast<Wide>(amount) * numerator / denominator);
}

/// The goods by category, in minor units; at most what quantity and price of 64 bits allow.
std::vector<loyalty::Line> lines_of(std::span<const pdi::Item> items) {
  std::vector<loyalty::Line> lines;
  for (const pdi::Item& item : items) {
    if (!item.unit_price || item.category.empty()) continue;
    const std::int64_t amount = scaled(item.unit_price->minor, item.quantity.thousandths, thousandths);
    const auto line = std::ranges::find(lines, std::string_view(item.category), &loyalty::Line::category);
    if (line == lines.end()) {
      lines.push_back({item.category, amount});
    } else {
      line->amount_minor += amount;
    }
  }
  return lines;
}

/// Goods may come to more than the transaction, by discounts on the whole of it.
void scale(std::vector<loyalty::Line>& lines, std::int64_t amount, std::int64_t paid) {
  Wide sum = 0;
  for (const loyalty::Line& line : lines) sum += line.amount_minor;
  const auto whole = static_cast<std::int64_t>(std::max<Wide>(sum, amount));
  for (loyalty::Line& line : lines) line.amount_minor = scaled(line.amount_minor, paid, whole);
}

}  // namespace

loyalty::Rewards price(const loyalty::RewardRules& rules, std::string_view tier, PricedGoods goods,
                       const Money& paid, std::chrono::sys_days day) {
  std::vector<loyalty::Line> lines = lines_of(goods.items);
  scale(lines, goods.amount.minor, paid.minor);
  return loyalty::price(rules, {.amount = paid, .tier = tier, .lines = lines, .day = day});
}

pdi::Rewards as_told(const loyalty::Rewards& rewards) {
  return {.earned = rewards.earned(),
          .multiplier = static_cast<double>(rewards.multiplier_millionths) / 1e6,
          .bonus = rewards.tier_bonus,
          .breakdown = {{"basePoints", rewards.base}, {"tierBonus", rewards.tier_bonus}}};
}

}  // namespace perkline::edge::standin
