#include "shared/loyalty/wheel.hpp"

#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace perkline::loyalty {
namespace {

ServerSeed counting_seed() {
  ServerSeed seed;
  for (std::size_t i = 0; i < seed.bytes.size(); ++i) seed.bytes.at(i) = static_cast<std::uint8_t>(i);
  return seed;
}

constexpr const char* member = "0190163d-8694-739b-aea5-966c26f8ad91";

std::int64_t ticket(const std::string& client_seed, std::int64_t nonce, std::int64_t tickets) {
  return draw_ticket(counting_seed(), {.member = member, .client_seed = client_seed, .nonce = nonce},
                     tickets);
}

// Golden: worked out in Python from the definition alone. They never change: proofs of years ago must hold.

TEST(Wheel, DrawsTheTicketsThatItsDefinitionSays) {
  EXPECT_EQ(ticket("", 1, 37'000), 15'542);
  EXPECT_EQ(ticket("", 2, 37'000), 34'045);
  EXPECT_EQ(ticket("lucky", 1, 37'000), 5'631);
  EXPECT_EQ(ticket("l:u#1", 1, 37'000), 157);
  EXPECT_EQ(ticket("k\xc3\xa4se \xe2\x99\xa5", 3, 10'000'000'000'000), 8'200'919'950'097);
  EXPECT_EQ(ticket("x", 1, 1), 0);
  EXPECT_EQ(ticket("x", 4'611'686'018'427'387'904, 6), 4);
}

TEST(Wheel, RefusesNumbersThatWouldFavourSomeTicketsAndGoesOnWithTheNext) {
  // Of so many tickets every third number is refused; in the comments, where the one taken stands.
  constexpr std::int64_t tickets = 6'148'914'691'236'517'206;
  EXPECT_EQ(ticket("r", 5, tickets), 2'135'999'475'911'567'284);      // block 0, second
  EXPECT_EQ(ticket("r", 29, tickets), 580'825'859'112'220'772);       // block 0, last
  EXPECT_EQ(ticket("r", 58, tickets), 5'512'101'237'616'069'954);     // block 1, first
  EXPECT_EQ(ticket("r", 141, tickets), 5'768'363'612'915'884'290);    // block 1, third
  EXPECT_EQ(ticket("r", 1'183, tickets), 1'704'794'598'131'026'304);  // block 2, first
}

TEST(Wheel, CommitsToItsSeed) {
  EXPECT_EQ(to_hex(commitment_of(counting_seed())),
            "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd");
}

PrizeTable three_prizes() {
  const std::vector<Prize> prizes{
      {.id = "b", .tickets = 2'000}, {.id = "c", .tickets = 25'000}, {.id = "a", .tickets = 10'000}};
  return table_of(prizes);
}

TEST(Wheel, HasOneTextAndOneVersionForATable) {
  EXPECT_EQ(text_of(three_prizes()), "a 10000\nb 2000\nc 25000\n");
  EXPECT_EQ(to_hex(version_of(three_prizes())),
            "0ef65fa3981f3479e3ec99e3431df6a72b621839a576150418edb8a3c936b9b3");
  EXPECT_EQ(three_prizes().tickets(), 37'000);
  EXPECT_EQ(read_table(text_of(three_prizes())), three_prizes());
  EXPECT_EQ(read_table(""), PrizeTable{});
}

TEST(Wheel, ReadsNoTableThatItWouldNotWrite) {
  for (const std::string wrong :
       {"a 1", "a\n", "a 1\n\n", " 1\n", "a 0\n", "a 01\n", "a +1\n", "a -1\n", "a 1 \n", "a  1\n", "a 1.0\n",
        "a 10000000001\n", "a 99999999999999999999\n", "b 1\na 1\n", "a 1\na 1\n", "\xc3\xa4 1\n", "a 1\r\n"})
    EXPECT_FALSE(read_table(wrong)) << wrong;
  EXPECT_TRUE(read_table("a 10000000000\nb 1\n"));
}

TEST(Wheel, GivesEachPrizeAsManyTicketsAsItHas) {
  const PrizeTable table = three_prizes();
  const std::map<std::string, std::pair<std::int64_t, std::int64_t>> ranges{
      {"a", {0, 9'999}}, {"b", {10'000, 11'999}}, {"c", {12'000, 36'999}}};
  for (std::int64_t nonce = 1; nonce <= 500; ++nonce) {
    const std::string& drawn =
        draw_prize(counting_seed(), {.member = member, .client_seed = "", .nonce = nonce}, table);
    const std::int64_t number = ticket("", nonce, table.tickets());
    EXPECT_GE(number, ranges.at(drawn).first);
    EXPECT_LE(number, ranges.at(drawn).second);
  }
}

TEST(Wheel, LeavesOutWhatNobodyCanWin) {
  const std::vector<Prize> prizes{{.id = "any", .tickets = 5},
                                  {.id = "inactive", .tickets = 5, .active = false},
                                  {.id = "weightless", .tickets = 0},
                                  {.id = "one-left", .tickets = 5, .units = 1},
                                  {.id = "out-of-stock", .tickets = 5, .units = 0},
                                  {.id = "won-already", .tickets = 5, .withheld = true}};
  EXPECT_EQ(text_of(table_of(prizes)), "any 5\none-left 5\n");
  EXPECT_EQ(table_of({}), PrizeTable{});
}

// What is drawn again when a store tells of a draw.

ClaimedDraw claimed() {
  const Draw draw{.member = member, .client_seed = "lucky", .nonce = 1};
  return {.draw = draw,
          .table = three_prizes(),
          .version = version_of(three_prizes()),
          .commitment = commitment_of(counting_seed()),
          .prize = "a"};  // Ticket 5,631.
}

TEST(Wheel, VerifiesADrawAsItWas) {
  EXPECT_TRUE(verify(counting_seed(), claimed()));
}

TEST(Wheel, VerifiesNoDrawOfWhichAnythingWasChanged) {
  const auto refused = [](auto change) {
    ClaimedDraw wrong = claimed();
    change(wrong);
    return !verify(counting_seed(), wrong);
  };
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.prize = "b"; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.prize = "unknown"; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.commitment.at(0) ^= 1U; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.version.at(31) ^= 1U; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.table.slots.at(0).tickets += 1; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) { wrong.draw.nonce = 2; }));
  EXPECT_TRUE(refused([](ClaimedDraw& wrong) {
    wrong.table = {};
    wrong.version = version_of({});
  }));
  ServerSeed other = counting_seed();
  other.bytes.at(0) ^= 1U;
  EXPECT_FALSE(verify(other, claimed()));
}

/// Pearson's: the chance of counts at least as far from what the weights say, were they true. Q(n/2, x/2) by
/// the recurrence Q(a+1, x) = Q(a, x) + x^a e^−x / Γ(a+1).
double chi_square_p(const PrizeTable& table, const std::map<std::string, std::int64_t>& counts) {
  std::int64_t draws = 0;
  for (const auto& [prize, count] : counts) draws += count;
  double sum = 0;
  for (const PrizeTable::Slot& slot : table.slots) {
    const double expected =
        static_cast<double>(draws) * static_cast<double>(slot.tickets) / static_cast<double>(table.tickets());
    EXPECT_GE(expected, 5) << "too rare for the test";
    const auto found = counts.find(slot.prize);
    const double seen = found == counts.end() ? 0 : static_cast<double>(found->second);
    sum += (seen - expected) * (seen - expected) / expected;
  }
  const double x = sum / 2;
  const std::size_t freedom = table.slots.size() - 1;
  double a = freedom % 2 == 0 ? 1 : 0.5;
  double p = freedom % 2 == 0 ? std::exp(-x) : std::erfc(std::sqrt(x));
  for (; a < static_cast<double>(freedom) / 2; a += 1)
    p += std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  return p;
}

constexpr int draws_a_table = 1'000'000;

std::map<std::string, std::int64_t> draw_many(const PrizeTable& table, int draws = draws_a_table) {
  std::map<std::string, std::int64_t> counts;
  for (int i = 1; i <= draws; ++i)
    ++counts[draw_prize(counting_seed(), {.member = member, .client_seed = "", .nonce = i}, table)];
  return counts;
}

PrizeTable table_with(const std::vector<std::int64_t>& tickets) {
  std::vector<Prize> prizes;
  for (std::size_t i = 0; i < tickets.size(); ++i)
    prizes.push_back({.id = "p" + std::to_string(1'000 + i), .tickets = tickets[i]});
  return table_of(prizes);
}

TEST(WheelWeights, HoldOverAMillionDrawsOfTheDefaultPrizes) {
  const PrizeTable table = table_with({10'000, 2'000, 25'000});
  EXPECT_GT(chi_square_p(table, draw_many(table)), 0.001);
}

TEST(WheelWeights, HoldWhereOnePrizeHasNearlyAll) {
  const PrizeTable table = table_with({tickets_max, 100'000, 200'000, 300'000, 500'000});
  EXPECT_GT(chi_square_p(table, draw_many(table)), 0.001);
}

TEST(WheelWeights, HoldForAHundredPrizes) {
  std::vector<std::int64_t> tickets;
  for (std::int64_t i = 1; i <= 100; ++i) tickets.push_back(i * 1'234 + i % 7);
  const PrizeTable table = table_with(tickets);
  EXPECT_GT(chi_square_p(table, draw_many(table)), 0.001);
}

TEST(WheelWeights, HoldWhereTheyAreTheLeastThereAre) {
  const PrizeTable table = table_with({1, 2, 1, 3});
  EXPECT_GT(chi_square_p(table, draw_many(table)), 0.001);
}

TEST(WheelWeights, AreToldFromOthersByTheTest) {
  const auto counts = draw_many(table_with({10'000, 2'000, 25'000}), 100'000);
  EXPECT_LT(chi_square_p(table_with({10'000, 2'200, 25'000}), counts), 0.001);
  EXPECT_LT(chi_square_p(table_with({10'000, 2'000, 26'500}), counts), 0.001);
  // From tables of the distribution.
  EXPECT_NEAR(chi_square_p(table_with({1, 1}), {{"p1000", 450}, {"p1001", 550}}), 0.001565, 1e-6);
  EXPECT_NEAR(chi_square_p(table_with({1, 1, 1}), {{"p1000", 90}, {"p1001", 100}, {"p1002", 110}}), 0.367879,
              1e-6);
}

}  // namespace
}  // namespace perkline::loyalty
