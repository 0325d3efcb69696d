#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "shared/core/money.hpp"
#include "shared/loyalty/rewards.hpp"

/// A basket as a till tells it, in points. Pure; the stand-in and the hub's dry run price alike.
namespace perkline::loyalty {

/// Goods of one kind; without a price or a category they earn as the rest of the basket does.
struct Goods {
  Quantity quantity;
  std::optional<Money> unit_price;
  std::string_view category;  ///< Empty: none.
};

struct Basket {
  Money amount;  ///< The transaction's amount at calculateRewards.
  std::span<const Goods> goods;
};

/// What `paid` earns, the goods being those: the categories' amounts come from goods with a price, and are
/// scaled, rounded down, to what is paid. `day`: by the store's calendar.
Rewards price(const RewardRules& rules, std::string_view tier, const Basket& basket, const Money& paid,
              std::chrono::sys_days day);

}  // namespace perkline::loyalty
