#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline {

/// An ISO 4217 currency with its exponent (digits behind the point). Only made by find_currency.
class Currency {
 public:
  std::string_view code() const { return {code_, 3}; }
  int exponent() const { return exponent_; }
  bool operator==(const Currency&) const = default;

 private:
  friend std::optional<Currency> find_currency(std::string_view code);
  constexpr Currency(const char* code, int exponent)
      : code_{code[0], code[1], code[2]}, exponent_(static_cast<std::int8_t>(exponent)) {}
  char code_[3];
  std::int8_t exponent_;
};

/// The active currencies of ISO 4217 (2024), upper case; funds, metals and testing codes are not money here.
std::optional<Currency> find_currency(std::string_view code);

/// An amount in the currency's minor units. Never negative at the APIs; differences may be.
struct Money {
  std::int64_t minor = 0;
  Currency currency;
  bool operator==(const Money&) const = default;
};

/// `text` as a whole number of 10^-decimals: `(0|[1-9][0-9]{0,11})(\.[0-9]{1,decimals})?`, never through
/// floating point. Errors: validation_failed, `detail` says what is wrong, for the field's fault.
Result<std::int64_t> parse_decimal(std::string_view text, int decimals);

/// With exactly `decimals` of them: `0.25`, `-0.05`.
std::string format_decimal(std::int64_t value, int decimals);

/// Reads `(0|[1-9][0-9]{0,11})(\.[0-9]{1,n})?`, n = the currency's exponent (0: no fraction at all), from its
/// text, never through floating point. Errors: validation_failed, `detail` says what is wrong, for the
/// field's fault.
Result<Money> parse_amount(std::string_view text, Currency currency);

/// Exactly as many decimals as the currency has: `150.00`, `-0.05`, `1200` (JPY).
std::string format_amount(const Money& money);

/// Loyalty points: a count, 0 to 10^12 at the APIs.
struct Points {
  std::int64_t count = 0;
  auto operator<=>(const Points&) const = default;
};
inline constexpr Points points_max{1'000'000'000'000};

/// Thousandths of a sales unit (piece, kilogram, litre): > 0, at most 1,000,000 units.
struct Quantity {
  std::int64_t thousandths = 0;
  auto operator<=>(const Quantity&) const = default;
};

/// Reads `2`, `0.125`: up to three decimals, no sign, no exponent. Errors: validation_failed as parse_amount.
Result<Quantity> parse_quantity(std::string_view text);

/// Without trailing zeros: `2`, `0.125`.
std::string format_quantity(Quantity quantity);

}  // namespace perkline
