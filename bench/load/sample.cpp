#include "bench/load/sample.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "shared/core/random.hpp"

namespace perkline::bench {
namespace {

struct Good {
  std::string sku;
  Money price;
  bool by_weight;
};

constexpr std::size_t goods_count = 400;

std::vector<Good> make_range(Rng& rng, Currency currency) {
  std::vector<Good> goods;
  for (std::size_t i = 0; i < goods_count; ++i) {
    std::array<char, 16> sku{};
    std::snprintf(sku.data(), sku.size(), "SKU-%05zu", 10000 + i * 7);
    // Prices from 0.49 to about 60, most of them low, ending in 9 as shelf prices do.
    const auto tens = static_cast<std::int64_t>(4.0 + 6.0 * std::exp(rng.unit() * 4.6));
    goods.push_back({sku.data(), Money{tens * 10 + 9, currency}, rng.below(8) == 0});
  }
  return goods;
}

/// Skewed towards 0: a few of `count` are drawn much more often than the rest.
std::size_t skewed(Rng& rng, std::size_t count) {
  const double drawn = std::pow(rng.unit(), 2.5) * static_cast<double>(count);
  return std::min(static_cast<std::size_t>(drawn), count - 1);
}

BasketLine make_line(Rng& rng, const Good& good) {
  if (good.by_weight) {
    const Quantity weight{50 + static_cast<std::int64_t>(rng.below(2000))};
    const std::int64_t minor = std::max<std::int64_t>(1, good.price.minor * weight.thousandths / 1000);
    return {good.sku, weight, Money{minor, good.price.currency}, std::nullopt};
  }
  const std::int64_t pieces = rng.below(4) == 0 ? 2 + static_cast<std::int64_t>(rng.below(4)) : 1;
  return {good.sku, Quantity{pieces * 1000}, Money{good.price.minor * pieces, good.price.currency},
          good.price};
}

std::string customer_of(std::size_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "CUST-%05zu", number);
  return text.data();
}

}  // namespace

std::vector<Basket> sample_baskets(const SampleOptions& options, const std::string& prefix) {
  SeededRng rng(options.seed);
  const auto goods = make_range(rng, find_currency("USD").value());
  std::vector<Basket> baskets;
  baskets.reserve(options.baskets);
  for (std::size_t i = 0; i < options.baskets; ++i) {
    const std::size_t store = rng.below(options.stores);
    // Two sales in three are to regulars, who keep to their own store.
    const std::size_t regular = skewed(rng, options.customers / options.stores) * options.stores + store;
    const std::size_t customer = rng.below(3) < 2 ? regular : rng.below(options.customers);
    Basket basket{.transaction = TransactionId(prefix + std::to_string(i + 1)),
                  .customer = CustomerId(customer_of(customer + 1)),
                  .store = "store-" + std::to_string(store + 1),
                  .lines = {}};
    const std::size_t lines = 1 + skewed(rng, 24);
    for (std::size_t line = 0; line < lines; ++line)
      basket.lines.push_back(make_line(rng, goods[skewed(rng, goods.size())]));
    baskets.push_back(std::move(basket));
  }
  return baskets;
}

}  // namespace perkline::bench
