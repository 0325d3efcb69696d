#include <array>

#include <gtest/gtest.h>

#include "hub/api/accept.hpp"
#include "hub/billing/csv.hpp"
#include "hub/billing/statement.hpp"
#include "hub/billing/test_provider.hpp"

namespace perkline::test {
namespace {

using namespace hub::billing;

const Currency usd = find_currency("USD").value();
const Currency jpy = find_currency("JPY").value();
const Currency kwd = find_currency("KWD").value();

std::string priced(std::int64_t points, std::string_view rate, Currency currency = usd) {
  const auto money = price_points(points, rate, currency);
  return money ? format_amount(*money) : "none";
}

TEST(PricedPoints, AreExactAndRoundedOnceHalfAwayFromZero) {
  EXPECT_EQ(priced(12'345, "0.01"), "123.45");
  EXPECT_EQ(priced(0, "0.01"), "0.00");
  EXPECT_EQ(priced(1, "0.005"), "0.01");
  EXPECT_EQ(priced(1, "0.00499999"), "0.00");
  EXPECT_EQ(priced(-1, "0.005"), "-0.01");
  EXPECT_EQ(priced(-1, "0.00499999"), "0.00");
  EXPECT_EQ(priced(3, "0.33333333"), "1.00");
  EXPECT_EQ(priced(7, "2"), "14.00");
  EXPECT_EQ(priced(150, "0.01", jpy), "2");
  EXPECT_EQ(priced(149, "0.01", jpy), "1");
  EXPECT_EQ(priced(5, "0.0001", kwd), "0.001");
  EXPECT_EQ(priced(1'000'000'000'000, "0.12345678"), "123456780000.00");
}

TEST(PricedPoints, BeyondWhatFitsAreNone) {
  EXPECT_EQ(priced(1'000'000'000'000, "999999999999.99999999"), "none");
  EXPECT_EQ(priced(INT64_MAX, "0.01"), "92233720368547758.07");
  EXPECT_EQ(priced(INT64_MAX, "0.02"), "none");
  EXPECT_EQ(priced(INT64_MIN, "1"), "none");
  for (const char* rate : {"", ".", "1.", ".5", "1.123456789", "-1", "1e3", "1.2.3", " 1"})
    EXPECT_EQ(priced(1, rate), "none") << rate;
}

TEST(StatementMonth, IsOfUtcFromItsFirstMomentToItsLast) {
  const auto december = parse_month("2026-12");
  ASSERT_TRUE(december);
  EXPECT_EQ(format_time(december->begin()), "2026-12-01T00:00:00.000Z");
  EXPECT_EQ(format_time(december->end()), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(december->text(), "2026-12");
  EXPECT_EQ(month_of(december->end() - Millis{1}).text(), "2026-12");
  EXPECT_EQ(month_of(december->end()).text(), "2027-01");
  for (const char* text : {"", "2026", "2026-13", "2026-00", "2026-1", "2026-12-01", "26-12", "2026/12"})
    EXPECT_FALSE(parse_month(text)) << text;
}

std::string csv(const std::vector<std::string>& cells) {
  std::string out;
  append_csv_line(out, cells);
  return out;
}

TEST(Csv, QuotesWhatWouldBreakALine) {
  EXPECT_EQ(csv({"a", "", "b c"}), "a,,b c\r\n");
  EXPECT_EQ(csv({"a,b", "say \"hi\"", "two\nlines"}), "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n");
}

TEST(Csv, LetsNoCellBeAFormula) {
  EXPECT_EQ(csv({"=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx"}), "'=1+1,'+1+1,'-1+1,'@SUM(A1),'\tx\r\n");
  EXPECT_EQ(csv({"=HYPERLINK(\"http://x\",\"y\")"}), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n");
  EXPECT_EQ(csv({"\r=1"}), "\"'\r=1\"\r\n");
  EXPECT_EQ(csv({"-12.50", "-1", "12"}), "-12.50,-1,12\r\n") << "numbers stay numbers";
  EXPECT_EQ(csv({"-", "-.5", "-1.", "-1.2.3", "--1"}), "'-,'-.5,'-1.,'-1.2.3,'--1\r\n");
}

TEST(StatementPage, EscapesWhatItShows) {
  const Statement statement{.store = StoreId("<b>&\"s\""),
                            .month = *parse_month("2026-12"),
                            .issued = 450,
                            .redeemed = 100,
                            .rates = {},
                            .owes = {450, usd},
                            .owed = {100, usd},
                            .net = {-350, usd}};
  const std::string page = html_of({statement});
  EXPECT_TRUE(page.contains("&lt;b&gt;&amp;&quot;s&quot;"));
  EXPECT_FALSE(page.contains("<b>"));
  EXPECT_TRUE(page.contains("The store pays</td><td></td><td></td><td>3.50"));
  EXPECT_FALSE(page.contains("<script"));
}

TEST(TestProvider, GoesByTheLastFourDigits) {
  const auto outcome = [](const char* amount, Currency currency = usd) {
    return test_outcome(parse_amount(amount, currency).value());
  };
  EXPECT_EQ(outcome("99.01"), TestOutcome::declines);
  EXPECT_EQ(outcome("1199.01"), TestOutcome::declines);
  EXPECT_EQ(outcome("99.02"), TestOutcome::settles_late);
  EXPECT_EQ(outcome("99.03"), TestOutcome::settles_unheard);
  EXPECT_EQ(outcome("99.04"), TestOutcome::declines_unheard);
  EXPECT_EQ(outcome("9901", jpy), TestOutcome::declines);
  for (const char* amount : {"0.01", "20.00", "99.00", "99.05", "99.10", "990.10"})
    EXPECT_EQ(outcome(amount), TestOutcome::settles) << amount;
}

std::string preferred(const std::string& accept) {
  static constexpr std::array<std::string_view, 3> offered{"application/json", "text/csv", "text/html"};
  net::Headers headers;
  headers.add("Accept", accept);
  return std::string(hub::api::preferred_type(headers, offered));
}

TEST(PreferredType, IsWhatTheCallerWouldRatherHave) {
  EXPECT_EQ(preferred("text/csv"), "text/csv");
  EXPECT_EQ(preferred("TEXT/CSV; charset=utf-8"), "text/csv");
  EXPECT_EQ(preferred("*/*"), "application/json");
  EXPECT_EQ(preferred("text/*"), "text/csv");
  EXPECT_EQ(preferred("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), "text/html");
  EXPECT_EQ(preferred("application/json;q=0.5, text/csv;q=0.501"), "text/csv");
  EXPECT_EQ(preferred("text/csv;q=0, */*"), "application/json");
  EXPECT_EQ(preferred("text/*;q=0.1, text/html;q=0.2, application/json;q=0"), "text/html");
  EXPECT_EQ(preferred("image/png"), "application/json") << "none of them";
  EXPECT_EQ(preferred(""), "application/json");
  EXPECT_EQ(preferred(",;q=,text/csv;q=x"), "text/csv");
}

}  // namespace
}  // namespace perkline::test
