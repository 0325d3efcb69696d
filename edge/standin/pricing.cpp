#include "edge/standin/pricing.hpp"

#include <algorithm>
#include <vector>

namespace perkline::edge::standin {
namespace {

/// An amount times another may leave 64 bits.
__extension__ using Wide = __int128;
constexpr std::int64_t thousand = 1000;

/// What the goods of one category come to; a dear item in great number is more than 64 bits hold.
struct Goods {
  std::string_view category;
  Wide minor = 0;
};

std::vector<Goods> by_category(std::span<const pdi::Item> items) {
  std::vector<Goods> goods;
  for (const pdi::Item& item : items) {
    if (!item.unit_price || item.category.empty()) continue;
    // Each item's price is one of whole minor units.
    const Wide price = static_cast<Wide>(item.unit_price->minor) * item.quantity.thousandths / thousand;
    const auto same = std::ranges::find(goods, std::string_view(item.category), &Goods::category);
    if (same == goods.end()) {
      goods.push_back({item.category, price});
    } else {
      same->minor += price;
    }
  }
  return goods;
}

/// Scaled to what is paid. The goods may come to more than the transaction, by discounts on the whole of it.
std::vector<loyalty::Line> scaled(const std::vector<Goods>& goods, std::int64_t amount, std::int64_t paid) {
  Wide whole = 0;
  for (const Goods& some : goods) whole += some.minor;
  whole = std::max<Wide>({whole, amount, 1});
  std::vector<loyalty::Line> lines;
  lines.reserve(goods.size());
  for (const Goods& some : goods)
    lines.push_back({some.category, static_cast<std::int64_t>(some.minor * paid / whole)});
  return lines;
}

}  // namespace

loyalty::Rewards price(const loyalty::RewardRules& rules, std::string_view tier, PricedGoods goods,
                       const Money& paid, std::chrono::sys_days day) {
  const auto lines = scaled(by_category(goods.items), goods.amount.minor, paid.minor);
  return loyalty::price(rules, {.amount = paid, .tier = tier, .lines = lines, .day = day});
}

pdi::Rewards as_told(const loyalty::Rewards& rewards) {
  return {.earned = rewards.earned(),
          .multiplier = static_cast<double>(rewards.multiplier_millionths) / 1e6,
          .bonus = rewards.tier_bonus,
          .breakdown = {{"basePoints", rewards.base}, {"tierBonus", rewards.tier_bonus}}};
}

}  // namespace perkline::edge::standin
