#include "shared/loyalty/basket.hpp"

#include <algorithm>
#include <vector>

namespace perkline::loyalty {
namespace {

/// An amount times another may leave 64 bits.
__extension__ using Wide = __int128;
constexpr std::int64_t thousand = 1000;

/// What the goods of one category come to; a dear item in great number is more than 64 bits hold.
struct Category {
  std::string_view name;
  Wide minor = 0;
};

std::vector<Category> by_category(std::span<const Goods> goods) {
  std::vector<Category> categories;
  for (const Goods& some : goods) {
    if (!some.unit_price || some.category.empty()) continue;
    // Each price is one of whole minor units.
    const Wide price = static_cast<Wide>(some.unit_price->minor) * some.quantity.thousandths / thousand;
    const auto same = std::ranges::find(categories, some.category, &Category::name);
    if (same == categories.end()) {
      categories.push_back({some.category, price});
    } else {
      same->minor += price;
    }
  }
  return categories;
}

/// Scaled to what is paid. The goods may come to more than the transaction, by discounts on the whole of it.
std::vector<Line> scaled(const std::vector<Category>& categories, std::int64_t amount, std::int64_t paid) {
  Wide whole = 0;
  for (const Category& some : categories) whole += some.minor;
  whole = std::max<Wide>({whole, amount, 1});
  std::vector<Line> lines;
  lines.reserve(categories.size());
  for (const Category& some : categories)
    lines.push_back({some.name, static_cast<std::int64_t>(some.minor * paid / whole)});
  return lines;
}

}  // namespace

Rewards price(const RewardRules& rules, std::string_view tier, const Basket& basket, const Money& paid,
              std::chrono::sys_days day) {
  const auto lines = scaled(by_category(basket.goods), basket.amount.minor, paid.minor);
  return price(rules, {.amount = paid, .tier = tier, .lines = lines, .day = day});
}

}  // namespace perkline::loyalty
