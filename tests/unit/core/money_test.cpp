#include "shared/core/money.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace perkline {
namespace {

Currency currency(std::string_view code) {
  return find_currency(code).value();
}

TEST(Currency, IsFoundByItsCodeWithItsExponent) {
  EXPECT_EQ(currency("USD").exponent(), 2);
  EXPECT_EQ(currency("JPY").exponent(), 0);
  EXPECT_EQ(currency("KWD").exponent(), 3);
  EXPECT_EQ(currency("UYW").exponent(), 4);
  EXPECT_EQ(currency("AED").code(), "AED");  // the table's first
  EXPECT_EQ(currency("ZWG").code(), "ZWG");  // and last
}

TEST(Currency, UnknownCodesAreNone) {
  for (const char* code : {"", "US", "USDX", "usd", "XXX", "XAU", "XTS", "DEM", "AAA", "ZZZ", "EU€"}) {
    EXPECT_FALSE(find_currency(code)) << code;
  }
}

TEST(Amount, IsReadInMinorUnits) {
  EXPECT_EQ(parse_amount("150.00", currency("USD"))->minor, 15'000);
  EXPECT_EQ(parse_amount("0", currency("USD"))->minor, 0);
  EXPECT_EQ(parse_amount("0.05", currency("USD"))->minor, 5);
  EXPECT_EQ(parse_amount("0.5", currency("USD"))->minor, 50);
  EXPECT_EQ(parse_amount("7", currency("USD"))->minor, 700);
  EXPECT_EQ(parse_amount("1200", currency("JPY"))->minor, 1'200);
  EXPECT_EQ(parse_amount("1.234", currency("KWD"))->minor, 1'234);
  EXPECT_EQ(parse_amount("1.2", currency("KWD"))->minor, 1'200);
  EXPECT_EQ(parse_amount("0.0001", currency("UYW"))->minor, 1);
}

TEST(Amount, IsExactUpToTheLimit) {
  EXPECT_EQ(parse_amount("999999999999.99", currency("USD"))->minor, 99'999'999'999'999);
  EXPECT_EQ(parse_amount("999999999999.9999", currency("UYW"))->minor, 9'999'999'999'999'999);
  EXPECT_EQ(parse_amount("1000000000000", currency("USD")).error().detail, "is too large");
  EXPECT_FALSE(parse_amount("99999999999999999999999999", currency("JPY")));
}

TEST(Amount, OutsideOfTheGrammarIsRefused) {
  for (const char* text : {"",    ".",   ".5",  "5.",  "1..2", "1.2.3", "01",   "00", "00.5", "+1",
                           "-1",  "-0",  "1e3", "1E3", "0x1",  "1,00",  "1 ",   " 1", "1_0",  "1.0 5",
                           "NaN", "inf", "1.a", "a",   "1\n",  "１",    "1.5-", "$1", "--1",  "1.-5"}) {
    const auto amount = parse_amount(text, currency("USD"));
    ASSERT_FALSE(amount) << text;
    EXPECT_EQ(amount.error().code, Errc::validation_failed);
    EXPECT_FALSE(amount.error().detail.empty());
  }
}

TEST(Amount, DecimalsBeyondTheCurrencysAreRefused) {
  EXPECT_EQ(parse_amount("1.001", currency("USD")).error().detail, "must have at most 2 decimals");
  EXPECT_EQ(parse_amount("1.000", currency("USD")).error().detail, "must have at most 2 decimals");
  EXPECT_EQ(parse_amount("1.0", currency("JPY")).error().detail, "must not have decimals");
  EXPECT_EQ(parse_amount("1.", currency("JPY")).error().detail, "must be a plain decimal number");
  EXPECT_FALSE(parse_amount("1.0001", currency("KWD")));
  EXPECT_FALSE(parse_amount("1.00001", currency("UYW")));
}

TEST(Amount, IsWrittenWithExactlyTheCurrencysDecimals) {
  EXPECT_EQ(format_amount({15'000, currency("USD")}), "150.00");
  EXPECT_EQ(format_amount({0, currency("USD")}), "0.00");
  EXPECT_EQ(format_amount({5, currency("USD")}), "0.05");
  EXPECT_EQ(format_amount({-5, currency("USD")}), "-0.05");
  EXPECT_EQ(format_amount({-12'345, currency("USD")}), "-123.45");
  EXPECT_EQ(format_amount({1'200, currency("JPY")}), "1200");
  EXPECT_EQ(format_amount({0, currency("JPY")}), "0");
  EXPECT_EQ(format_amount({1, currency("KWD")}), "0.001");
  EXPECT_EQ(format_amount({12'345, currency("UYW")}), "1.2345");
  EXPECT_EQ(format_amount({std::numeric_limits<std::int64_t>::min(), currency("USD")}),
            "-92233720368547758.08");
  EXPECT_EQ(format_amount({std::numeric_limits<std::int64_t>::max(), currency("USD")}),
            "92233720368547758.07");
}

TEST(Amount, ReadsBackWhatItWrote) {
  for (const char* code : {"JPY", "USD", "KWD", "UYW"}) {
    for (const std::int64_t minor : {0L, 1L, 9L, 10L, 99L, 100L, 101L, 99'999'999'999L}) {
      const Money money{minor, currency(code)};
      EXPECT_EQ(parse_amount(format_amount(money), currency(code)), money) << code << ' ' << minor;
    }
  }
}

TEST(Amount, OfTwoCurrenciesIsNeverEqual) {
  EXPECT_NE((Money{100, currency("USD")}), (Money{100, currency("EUR")}));
}

TEST(Quantity, IsReadInThousandths) {
  EXPECT_EQ(parse_quantity("2")->thousandths, 2'000);
  EXPECT_EQ(parse_quantity("0.125")->thousandths, 125);
  EXPECT_EQ(parse_quantity("0.001")->thousandths, 1);
  EXPECT_EQ(parse_quantity("1.5")->thousandths, 1'500);
  EXPECT_EQ(parse_quantity("1000000")->thousandths, 1'000'000'000);
}

TEST(Quantity, NothingAndTooMuchAreRefused) {
  EXPECT_EQ(parse_quantity("0").error().detail, "must be more than 0");
  EXPECT_EQ(parse_quantity("0.000").error().detail, "must be more than 0");
  EXPECT_EQ(parse_quantity("1000000.001").error().detail, "must be at most 1000000");
  EXPECT_EQ(parse_quantity("1.0001").error().detail, "must have at most 3 decimals");
  for (const char* text : {"", "-1", "+1", "1e2", "01", ".5", "5.", "two"})
    EXPECT_FALSE(parse_quantity(text)) << text;
}

TEST(Quantity, IsWrittenWithoutTrailingZeros) {
  EXPECT_EQ(format_quantity({2'000}), "2");
  EXPECT_EQ(format_quantity({20'000}), "20");
  EXPECT_EQ(format_quantity({1'500}), "1.5");
  EXPECT_EQ(format_quantity({125}), "0.125");
  EXPECT_EQ(format_quantity({1'000'000'000}), "1000000");
}

TEST(Decimal, IsReadExactly) {
  EXPECT_EQ(parse_decimal("0.25", 2), 25);
  EXPECT_EQ(parse_decimal("1", 2), 100);
  EXPECT_EQ(parse_decimal("0.1", 2), 10);
  EXPECT_EQ(parse_decimal("999999999999.99", 2), 99'999'999'999'999);
  for (const char* text : {"", ".5", "1.", "01", "-1", "+1", "1e2", "1,5", " 1", "1.234", "nan", "0x1"}) {
    EXPECT_FALSE(parse_decimal(text, 2)) << text;
  }
}

TEST(Decimal, IsWrittenWithAllItsPlaces) {
  EXPECT_EQ(format_decimal(25, 2), "0.25");
  EXPECT_EQ(format_decimal(-5, 2), "-0.05");
  EXPECT_EQ(format_decimal(7, 0), "7");
}

}  // namespace
}  // namespace perkline
