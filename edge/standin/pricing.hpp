#pragma once

#include <span>
#include <string_view>

#include "pdi_client/pdi.hpp"
#include "shared/loyalty/rewards.hpp"

/// What the stand-in answers in PDI's place (edge.md, "Stand-in"). Pure.
namespace perkline::edge::standin {

/// A basket as a till told it.
struct PricedGoods {
  Money amount;  ///< The transaction's amount at calculateRewards.
  std::span<const pdi::Item> items;
};

/// As loyalty::price does for such a basket.
loyalty::Rewards price(const loyalty::RewardRules& rules, std::string_view tier, PricedGoods goods,
                       const Money& paid, std::chrono::sys_days day);

/// As PDI would have told it.
pdi::Rewards as_told(const loyalty::Rewards& rewards);

}  // namespace perkline::edge::standin
