#include "edge/standin/pricing.hpp"

#include <vector>

#include "shared/loyalty/basket.hpp"

namespace perkline::edge::standin {

loyalty::Rewards price(const loyalty::RewardRules& rules, std::string_view tier, PricedGoods goods,
                       const Money& paid, std::chrono::sys_days day) {
  std::vector<loyalty::Goods> basket;
  basket.reserve(goods.items.size());
  for (const pdi::Item& item : goods.items) basket.push_back({item.quantity, item.unit_price, item.category});
  return loyalty::price(rules, tier, {goods.amount, basket}, paid, day);
}

pdi::Rewards as_told(const loyalty::Rewards& rewards) {
  return {.earned = rewards.earned(),
          .multiplier = static_cast<double>(rewards.multiplier_millionths) / 1e6,
          .bonus = rewards.tier_bonus,
          .breakdown = {{"basePoints", rewards.base}, {"tierBonus", rewards.tier_bonus}}};
}

}  // namespace perkline::edge::standin
