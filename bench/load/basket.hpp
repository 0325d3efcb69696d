#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"

namespace perkline::bench {

struct BasketLine {
  std::string sku;
  Quantity quantity;
  Money paid;                       ///< For the whole line, after discounts.
  std::optional<Money> unit_price;  ///< Where it is a whole number of minor units.
};

/// One receipt: what a till plays as one sale.
struct Basket {
  TransactionId transaction;
  CustomerId customer;
  std::string store;
  std::vector<BasketLine> lines;

  Money total() const {
    Money sum{0, lines.front().paid.currency};
    for (const BasketLine& line : lines) sum.minor += line.paid.minor;
    return sum;
  }
};

/// The price of one unit, if the line's amount divides evenly.
std::optional<Money> unit_price_of(const Money& paid, Quantity quantity);

}  // namespace perkline::bench
