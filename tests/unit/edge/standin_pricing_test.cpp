#include <fstream>

#include <gtest/gtest.h>

#include "edge/standin/calendar.hpp"
#include "edge/standin/pricing.hpp"
#include "shared/rules/chain_rules.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::edge::standin {
namespace {

using std::chrono::sys_days;

rules::ChainRules rules_of(const std::string& yaml) {
  const test::TempDir dir;
  std::ofstream(dir.file("rules.yaml")) << yaml;
  rules::ChainRules rules;
  const auto read = config::read_file(dir.file("rules.yaml"), [&](config::Schema& s) { describe(s, rules); });
  EXPECT_TRUE(read) << config::fault_lines("rules.yaml", read.error());
  return rules;
}

const char* const supermarket = R"(
version: supermarket
points_per_unit: 2
tiers: { Base: 0, Silver: 0.25, Gold: 0.5 }
categories: { fresh: 3, tobacco: 0, books: 0.5 }
multiplied_days:
  - { weekdays: [tuesday], factor: 2 }
  - { date: 2026-12-24, factor: 3 }
)";

struct Item {
  const char* quantity;
  const char* price;  ///< nullptr: none.
  const char* category;
};

struct Example {
  const char* what;
  std::vector<Item> items = {};
  const char* amount;  ///< At calculateRewards.
  const char* paid;
  const char* tier = "Base";
  const char* day = "2026-03-01";  ///< A Sunday.
  std::int64_t base = 0;
  std::int64_t bonus = 0;
  const char* currency = "USD";
};

std::ostream& operator<<(std::ostream& out, const Example& example) {
  return out << example.what;
}

loyalty::Rewards price_of(const Example& example, const rules::ChainRules& rules) {
  const Currency currency = *find_currency(example.currency);
  std::vector<pdi::Item> items;
  for (const Item& item : example.items) {
    pdi::Item to{.sku = "SKU",
                 .quantity = parse_quantity(item.quantity).value(),
                 .unit_price = {},
                 .category = item.category};
    if (item.price != nullptr) to.unit_price = parse_amount(item.price, currency).value();
    items.push_back(to);
  }
  const auto day = std::chrono::floor<days>(*parse_time(std::string(example.day) + "T00:00:00Z"));
  return price(rules.rewards, example.tier, {parse_amount(example.amount, currency).value(), items},
               parse_amount(example.paid, currency).value(), day);
}

class StandInPrice : public ::testing::TestWithParam<Example> {};

TEST_P(StandInPrice, IsAsWorkedByHand) {
  const loyalty::Rewards rewards = price_of(GetParam(), rules_of(supermarket));
  EXPECT_EQ(rewards.base.count, GetParam().base);
  EXPECT_EQ(rewards.tier_bonus.count, GetParam().bonus);
}

const char* const dearest = "999999999999.99";
const char* const most = "1000000";

INSTANTIATE_TEST_SUITE_P(
    Baskets, StandInPrice,
    ::testing::Values(
        Example{.what = "no items",
                .amount = "150.00",
                .paid = "150.00",
                .tier = "Gold",
                .base = 300,
                .bonus = 150},
        // 20.00 × 3 + 5.00 × 0 + the other 15.00 × 2; a quarter of 90 is 22.5.
        Example{.what = "categories and the rest",
                .items = {{"2", "10.00", "fresh"}, {"1", "5.00", "tobacco"}},
                .amount = "40.00",
                .paid = "40.00",
                .tier = "Silver",
                .base = 90,
                .bonus = 22},
        Example{.what = "an item without a price is of no category",
                .items = {{"1", nullptr, "fresh"}},
                .amount = "10.00",
                .paid = "10.00",
                .base = 20},
        Example{.what = "a category the rules do not name",
                .items = {{"1", "10.00", "toys"}},
                .amount = "10.00",
                .paid = "10.00",
                .base = 20},
        Example{.what = "nothing but what is excluded",
                .items = {{"3", "10.00", "tobacco"}},
                .amount = "30.00",
                .paid = "30.00",
                .tier = "Gold",
                .base = 0},
        // 0.333 × 2.99 = 0.99 and 3 × 0.33 = 0.99: 2.97 + 0.495 = 3.465.
        Example{.what = "weighed goods are priced to the cent, points rounded once",
                .items = {{"0.333", "2.99", "fresh"}, {"3", "0.33", "books"}},
                .amount = "1.98",
                .paid = "1.98",
                .base = 3},
        // 20.00 off 100.00: fresh 48.00, books 32.00.
        Example{.what = "a discount on the whole basket is every category's",
                .items = {{"1", "60.00", "fresh"}, {"1", "40.00", "books"}},
                .amount = "80.00",
                .paid = "80.00",
                .base = 160},
        // fresh 30.00, the rest 20.00.
        Example{.what = "half is paid with a voucher",
                .items = {{"1", "60.00", "fresh"}},
                .amount = "100.00",
                .paid = "50.00",
                .tier = "Gold",
                .base = 130,
                .bonus = 65},
        // 3.33 each, and the odd cent is of no category: 9.99 + 0 + 1.665 + 0.02 = 11.675.
        Example{.what = "scaled amounts are rounded down",
                .items = {{"1", "10.00", "fresh"}, {"1", "10.00", "tobacco"}, {"1", "10.00", "books"}},
                .amount = "30.00",
                .paid = "10.00",
                .base = 11},
        Example{.what = "more is paid than was priced",
                .items = {{"1", "50.00", "fresh"}},
                .amount = "100.00",
                .paid = "110.00",
                .base = 275},
        Example{.what = "the same category twice is one",
                .items = {{"1", "0.50", "fresh"}, {"1", "0.50", "fresh"}},
                .amount = "1.00",
                .paid = "1.00",
                .base = 3},
        Example{.what = "a Tuesday", .amount = "10.00", .paid = "10.00", .day = "2026-03-03", .base = 40},
        Example{.what = "Christmas Eve",
                .items = {{"1", "4.00", "tobacco"}},
                .amount = "10.00",
                .paid = "10.00",
                .tier = "Gold",
                .day = "2026-12-24",
                .base = 36,
                .bonus = 18},
        Example{.what = "yen have no decimals",
                .amount = "1000",
                .paid = "1000",
                .base = 2000,
                .currency = "JPY"},
        Example{
            .what = "dinars have three", .amount = "1.250", .paid = "1.250", .base = 2, .currency = "KWD"},
        Example{.what = "nothing is paid",
                .items = {{"1", "10.00", "fresh"}},
                .amount = "10.00",
                .paid = "0.00",
                .base = 0},
        Example{.what = "a free basket", .amount = "0.00", .paid = "0.00", .base = 0},
        Example{.what = "items without an amount",
                .items = {{"1", "10.00", "fresh"}},
                .amount = "0.00",
                .paid = "0.00",
                .base = 0},
        // More than 64 bits hold, all of it tobacco but for a vanishing part.
        Example{.what = "goods beyond all measure",
                .items = {{most, dearest, "tobacco"}, {most, dearest, "tobacco"}, {"1", "1.00", "fresh"}},
                .amount = "100.00",
                .paid = "100.00",
                .base = 0}));

TEST(StandInPrice, FiveHundredItemsOfTheDearestKindArePricedToo) {
  std::vector<Item> items(500, Item{most, dearest, "fresh"});
  const Example all{.what = "", .items = items, .amount = dearest, .paid = dearest};
  EXPECT_EQ(price_of(all, rules_of(supermarket)).base.count, 2'999'999'999'999);
}

// ---- whose day it is

std::string day_in(const std::string& timezone, const char* time) {
  return format_time(WallTime{local_day(timezone, *parse_time(time))}).substr(0, 10);
}

TEST(LocalDay, IsTheStoresNotGreenwichs) {
  EXPECT_EQ(day_in("UTC", "2026-03-02T23:59:59.999Z"), "2026-03-02");
  EXPECT_EQ(day_in("UTC", "2026-03-03T00:00:00Z"), "2026-03-03");
  EXPECT_EQ(day_in("Pacific/Auckland", "2026-03-02T10:59:59Z"), "2026-03-02");
  EXPECT_EQ(day_in("Pacific/Auckland", "2026-03-02T11:00:00Z"), "2026-03-03");
  EXPECT_EQ(day_in("America/New_York", "2026-03-03T04:59:59Z"), "2026-03-02");
  EXPECT_EQ(day_in("Asia/Kathmandu", "2026-03-02T18:15:00Z"), "2026-03-03");
}

TEST(LocalDay, IsShorterOrLongerWhenTheClocksChange) {
  EXPECT_EQ(day_in("Europe/Berlin", "2026-03-28T22:59:59Z"), "2026-03-28");
  EXPECT_EQ(day_in("Europe/Berlin", "2026-03-28T23:00:00Z"), "2026-03-29") << "23 hours from here";
  EXPECT_EQ(day_in("Europe/Berlin", "2026-03-29T21:59:59Z"), "2026-03-29");
  EXPECT_EQ(day_in("Europe/Berlin", "2026-03-29T22:00:00Z"), "2026-03-30");
  EXPECT_EQ(day_in("Europe/Berlin", "2026-10-24T22:00:00Z"), "2026-10-25") << "25 hours from here";
  EXPECT_EQ(day_in("Europe/Berlin", "2026-10-25T22:59:59Z"), "2026-10-25");
  EXPECT_EQ(day_in("Europe/Berlin", "2026-10-25T23:00:00Z"), "2026-10-26");
  // Where the clocks change at midnight, 00:00 does not exist on that day.
  EXPECT_EQ(day_in("America/Santiago", "2026-09-06T03:59:59Z"), "2026-09-05");
  EXPECT_EQ(day_in("America/Santiago", "2026-09-06T04:00:00Z"), "2026-09-06");
}

}  // namespace
}  // namespace perkline::edge::standin
