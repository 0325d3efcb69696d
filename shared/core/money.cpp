#include "shared/core/money.hpp"

#include <algorithm>
#include <array>

#include "shared/core/assert.hpp"

namespace perkline {
namespace {

struct IsoCode {
  char code[4];
  int exponent;
};

// Source: ISO 4217 list one (SIX, 2024), sorted by code.
constexpr std::array iso_codes{
    IsoCode{"AED", 2}, IsoCode{"AFN", 2}, IsoCode{"ALL", 2}, IsoCode{"AMD", 2}, IsoCode{"ANG", 2},
    IsoCode{"AOA", 2}, IsoCode{"ARS", 2}, IsoCode{"AUD", 2}, IsoCode{"AWG", 2}, IsoCode{"AZN", 2},
    IsoCode{"BAM", 2}, IsoCode{"BBD", 2}, IsoCode{"BDT", 2}, IsoCode{"BGN", 2}, IsoCode{"BHD", 3},
    IsoCode{"BIF", 0}, IsoCode{"BMD", 2}, IsoCode{"BND", 2}, IsoCode{"BOB", 2}, IsoCode{"BRL", 2},
    IsoCode{"BSD", 2}, IsoCode{"BTN", 2}, IsoCode{"BWP", 2}, IsoCode{"BYN", 2}, IsoCode{"BZD", 2},
    IsoCode{"CAD", 2}, IsoCode{"CDF", 2}, IsoCode{"CHF", 2}, IsoCode{"CLP", 0}, IsoCode{"CNY", 2},
    IsoCode{"COP", 2}, IsoCode{"CRC", 2}, IsoCode{"CUP", 2}, IsoCode{"CVE", 2}, IsoCode{"CZK", 2},
    IsoCode{"DJF", 0}, IsoCode{"DKK", 2}, IsoCode{"DOP", 2}, IsoCode{"DZD", 2}, IsoCode{"EGP", 2},
    IsoCode{"ERN", 2}, IsoCode{"ETB", 2}, IsoCode{"EUR", 2}, IsoCode{"FJD", 2}, IsoCode{"FKP", 2},
    IsoCode{"GBP", 2}, IsoCode{"GEL", 2}, IsoCode{"GHS", 2}, IsoCode{"GIP", 2}, IsoCode{"GMD", 2},
    IsoCode{"GNF", 0}, IsoCode{"GTQ", 2}, IsoCode{"GYD", 2}, IsoCode{"HKD", 2}, IsoCode{"HNL", 2},
    IsoCode{"HTG", 2}, IsoCode{"HUF", 2}, IsoCode{"IDR", 2}, IsoCode{"ILS", 2}, IsoCode{"INR", 2},
    IsoCode{"IQD", 3}, IsoCode{"IRR", 2}, IsoCode{"ISK", 0}, IsoCode{"JMD", 2}, IsoCode{"JOD", 3},
    IsoCode{"JPY", 0}, IsoCode{"KES", 2}, IsoCode{"KGS", 2}, IsoCode{"KHR", 2}, IsoCode{"KMF", 0},
    IsoCode{"KPW", 2}, IsoCode{"KRW", 0}, IsoCode{"KWD", 3}, IsoCode{"KYD", 2}, IsoCode{"KZT", 2},
    IsoCode{"LAK", 2}, IsoCode{"LBP", 2}, IsoCode{"LKR", 2}, IsoCode{"LRD", 2}, IsoCode{"LSL", 2},
    IsoCode{"LYD", 3}, IsoCode{"MAD", 2}, IsoCode{"MDL", 2}, IsoCode{"MGA", 2}, IsoCode{"MKD", 2},
    IsoCode{"MMK", 2}, IsoCode{"MNT", 2}, IsoCode{"MOP", 2}, IsoCode{"MRU", 2}, IsoCode{"MUR", 2},
    IsoCode{"MVR", 2}, IsoCode{"MWK", 2}, IsoCode{"MXN", 2}, IsoCode{"MYR", 2}, IsoCode{"MZN", 2},
    IsoCode{"NAD", 2}, IsoCode{"NGN", 2}, IsoCode{"NIO", 2}, IsoCode{"NOK", 2}, IsoCode{"NPR", 2},
    IsoCode{"NZD", 2}, IsoCode{"OMR", 3}, IsoCode{"PAB", 2}, IsoCode{"PEN", 2}, IsoCode{"PGK", 2},
    IsoCode{"PHP", 2}, IsoCode{"PKR", 2}, IsoCode{"PLN", 2}, IsoCode{"PYG", 0}, IsoCode{"QAR", 2},
    IsoCode{"RON", 2}, IsoCode{"RSD", 2}, IsoCode{"RUB", 2}, IsoCode{"RWF", 0}, IsoCode{"SAR", 2},
    IsoCode{"SBD", 2}, IsoCode{"SCR", 2}, IsoCode{"SDG", 2}, IsoCode{"SEK", 2}, IsoCode{"SGD", 2},
    IsoCode{"SHP", 2}, IsoCode{"SLE", 2}, IsoCode{"SOS", 2}, IsoCode{"SRD", 2}, IsoCode{"SSP", 2},
    IsoCode{"STN", 2}, IsoCode{"SVC", 2}, IsoCode{"SYP", 2}, IsoCode{"SZL", 2}, IsoCode{"THB", 2},
    IsoCode{"TJS", 2}, IsoCode{"TMT", 2}, IsoCode{"TND", 3}, IsoCode{"TOP", 2}, IsoCode{"TRY", 2},
    IsoCode{"TTD", 2}, IsoCode{"TWD", 2}, IsoCode{"TZS", 2}, IsoCode{"UAH", 2}, IsoCode{"UGX", 0},
    IsoCode{"USD", 2}, IsoCode{"UYU", 2}, IsoCode{"UYW", 4}, IsoCode{"UZS", 2}, IsoCode{"VED", 2},
    IsoCode{"VES", 2}, IsoCode{"VND", 0}, IsoCode{"VUV", 0}, IsoCode{"WST", 2}, IsoCode{"XAF", 0},
    IsoCode{"XCD", 2}, IsoCode{"XOF", 0}, IsoCode{"XPF", 0}, IsoCode{"YER", 2}, IsoCode{"ZAR", 2},
    IsoCode{"ZMW", 2}, IsoCode{"ZWG", 2},
};

constexpr bool sorted_by_code() {
  return std::ranges::is_sorted(iso_codes, {},
                                [](const IsoCode& iso) { return std::string_view(iso.code, 3); });
}
static_assert(sorted_by_code());

constexpr std::size_t whole_digits_max = 12;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

Result<std::int64_t> parse_decimal(std::string_view text, int decimals) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  if (whole.empty() || !std::ranges::all_of(whole, is_digit))
    return fail(Errc::validation_failed, "must be a plain decimal number");
  if (whole.size() > 1 && whole.front() == '0') return fail(Errc::validation_failed, "must not start with 0");
  if (whole.size() > whole_digits_max) return fail(Errc::validation_failed, "is too large");

  std::string_view fraction;
  if (point < text.size()) {
    fraction = text.substr(point + 1);
    if (fraction.empty() || !std::ranges::all_of(fraction, is_digit)) {
      return fail(Errc::validation_failed, "must be a plain decimal number");
    }
    if (fraction.size() > static_cast<std::size_t>(decimals)) {
      return fail(Errc::validation_failed,
                  decimals == 0 ? std::string("must not have decimals")
                                : "must have at most " + std::to_string(decimals) + " decimals");
    }
  }
  std::int64_t value = 0;
  for (const char c : whole) value = value * 10 + (c - '0');
  for (std::size_t i = 0; i < static_cast<std::size_t>(decimals); ++i) {
    value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  return value;
}

std::string format_decimal(std::int64_t value, int decimals) {
  const bool negative = value < 0;
  auto magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits = std::to_string(magnitude);
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (places > 0) digits.insert(digits.size() - places, 1, '.');
  return negative ? '-' + digits : digits;
}

std::optional<Currency> find_currency(std::string_view code) {
  const auto by_code = [](const IsoCode& iso) { return std::string_view(iso.code, 3); };
  const auto found = std::ranges::lower_bound(iso_codes, code, {}, by_code);
  if (found == iso_codes.end() || by_code(*found) != code) return std::nullopt;
  return Currency(found->code, found->exponent);
}

Result<Money> parse_amount(std::string_view text, Currency currency) {
  auto minor = parse_decimal(text, currency.exponent());
  if (!minor) return failure(minor);
  return Money{*minor, currency};
}

std::string format_amount(const Money& money) {
  return format_decimal(money.minor, money.currency.exponent());
}

Result<Quantity> parse_quantity(std::string_view text) {
  constexpr int decimals = 3;
  constexpr Quantity quantity_max{1'000'000'000};
  auto thousandths = parse_decimal(text, decimals);
  if (!thousandths) return failure(thousandths);
  if (*thousandths == 0) return fail(Errc::validation_failed, "must be more than 0");
  if (Quantity{*thousandths} > quantity_max) return fail(Errc::validation_failed, "must be at most 1000000");
  return Quantity{*thousandths};
}

std::string format_quantity(Quantity quantity) {
  std::string text = format_decimal(quantity.thousandths, 3);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace perkline
