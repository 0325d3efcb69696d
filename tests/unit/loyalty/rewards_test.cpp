#include "shared/loyalty/rewards.hpp"

#include <gtest/gtest.h>

namespace perkline::loyalty {
namespace {

Money usd(std::string_view text) {
  return parse_amount(text, *find_currency("USD")).value();
}

Rewards by_default(const Money& amount, std::string_view tier) {
  return price(default_rules(), {.amount = amount, .tier = tier});
}

TEST(Rewards, WorkedExampleOfTheContract) {
  const Rewards rewards = by_default(usd("150.00"), "Gold");
  EXPECT_EQ(rewards.base.count, 300);
  EXPECT_EQ(rewards.tier_bonus.count, 150);
  EXPECT_EQ(rewards.earned().count, 450);
  EXPECT_EQ(multiplier_text(rewards), "3.0");
}

TEST(Rewards, EachTierAddsItsShare) {
  const Money amount = usd("100.00");
  EXPECT_EQ(by_default(amount, "Base").earned().count, 200);
  EXPECT_EQ(by_default(amount, "Silver").earned().count, 250);
  EXPECT_EQ(by_default(amount, "Gold").earned().count, 300);
  EXPECT_EQ(by_default(amount, "Platinum").earned().count, 400);
}

TEST(Rewards, EachTierHasItsMultiplier) {
  const Money amount = usd("0");
  EXPECT_EQ(multiplier_text(by_default(amount, "Base")), "2.0");
  EXPECT_EQ(multiplier_text(by_default(amount, "Silver")), "2.5");
  EXPECT_EQ(multiplier_text(by_default(amount, "Gold")), "3.0");
  EXPECT_EQ(multiplier_text(by_default(amount, "Platinum")), "4.0");
}

TEST(Rewards, UnknownTierAddsNothing) {
  EXPECT_EQ(by_default(usd("10.00"), "Diamond"), by_default(usd("10.00"), "Base"));
  EXPECT_EQ(by_default(usd("10.00"), "gold").tier_bonus.count, 0);
}

TEST(Rewards, BaseIsRoundedDownBeforeTheBonus) {
  EXPECT_EQ(by_default(usd("0.49"), "Platinum").earned().count, 0);
  EXPECT_EQ(by_default(usd("0.50"), "Base").earned().count, 1);
  // 2 × 1.99 = 3.98 → 3; a quarter of 3, not of 3.98, is 0.75 → 0.
  const Rewards silver = by_default(usd("1.99"), "Silver");
  EXPECT_EQ(silver.base.count, 3);
  EXPECT_EQ(silver.tier_bonus.count, 0);
  // Half of 3.
  EXPECT_EQ(by_default(usd("1.99"), "Gold").tier_bonus.count, 1);
}

TEST(Rewards, UnitIsTheCurrencysWhateverItsDecimals) {
  EXPECT_EQ(by_default(Money{1200, *find_currency("JPY")}, "Base").base.count, 2400);
  EXPECT_EQ(by_default(Money{1250, *find_currency("KWD")}, "Base").base.count, 2);
}

TEST(Rewards, LargestAmountDoesNotOverflow) {
  const Rewards rewards = by_default(usd("999999999999.99"), "Platinum");
  EXPECT_EQ(rewards.base.count, 1'999'999'999'999);
  EXPECT_EQ(rewards.earned().count, 3'999'999'999'998);
}

TEST(Rewards, OtherRulesAreData) {
  const RewardRules rules{.points_per_unit_hundredths = 150, .tiers = {{"Club", 25}}};
  const Rewards rewards = price(rules, {.amount = usd("10.00"), .tier = "Club"});
  EXPECT_EQ(rewards.base.count, 15);
  EXPECT_EQ(rewards.tier_bonus.count, 3);
  EXPECT_EQ(multiplier_text(rewards), "1.875");
}

std::chrono::sys_days day(int month, unsigned of_month) {
  return std::chrono::sys_days{std::chrono::year{2026} / month / static_cast<int>(of_month)};
}

TEST(Rewards, GoodsOfACategoryEarnAtItsRateAndTheRestAtTheChains) {
  const RewardRules rules{.points_per_unit_hundredths = 200, .categories = {{"fresh", 350}, {"tobacco", 0}}};
  const std::vector<Line> lines{{"fresh", 1000}, {"tobacco", 2000}, {"books", 500}};
  // 10.00 × 3.5 + 20.00 × 0 + 5.00 × 2 + the 15.00 of no category × 2.
  EXPECT_EQ(price(rules, {.amount = usd("50.00"), .tier = "", .lines = lines}).base.count, 75);
}

TEST(Rewards, ABasketIsRoundedDownOnceNotByCategory) {
  const RewardRules rules{.points_per_unit_hundredths = 100, .categories = {{"a", 150}, {"b", 150}}};
  const std::vector<Line> lines{{"a", 33}, {"b", 34}};
  // 0.33 × 1.5 + 0.34 × 1.5 = 1.005; by category it would be 0 + 0.
  EXPECT_EQ(price(rules, {.amount = usd("0.67"), .tier = "", .lines = lines}).base.count, 1);
}

TEST(Rewards, OfTheDaysThatApplyTheHighestFactorCounts) {
  RewardRules rules{.points_per_unit_hundredths = 100, .tiers = {{"Gold", 50}}};
  rules.days = {{.weekdays = {std::chrono::Thursday, std::chrono::Saturday}, .factor_hundredths = 200},
                {.date = day(12, 24), .factor_hundredths = 300},
                {.date = day(12, 26), .factor_hundredths = 50}};
  const auto on = [&](std::chrono::sys_days date) {
    return price(rules, {.amount = usd("10.00"), .tier = "Gold", .day = date});
  };
  EXPECT_EQ(on(day(12, 23)).earned().count, 15) << "a Wednesday like any other";
  EXPECT_EQ(on(day(12, 24)).earned().count, 45) << "a Thursday too, but the date counts for more";
  EXPECT_EQ(on(day(12, 26)).earned().count, 30) << "a Saturday: twice is more than half";
  EXPECT_EQ(on(day(12, 31)).earned().count, 30);
  EXPECT_EQ(multiplier_text(on(day(12, 24))), "4.5");
}

TEST(Rewards, ADayMayTakeAwayToo) {
  RewardRules rules{.points_per_unit_hundredths = 100};
  rules.days = {{.date = day(4, 1), .factor_hundredths = 0}, {.date = day(4, 2), .factor_hundredths = 25}};
  EXPECT_EQ(price(rules, {.amount = usd("10.00"), .tier = "", .day = day(4, 1)}).base.count, 0);
  EXPECT_EQ(price(rules, {.amount = usd("10.00"), .tier = "", .day = day(4, 2)}).base.count, 2);
}

TEST(Rewards, TheMostGenerousRulesDoNotOverflow) {
  RewardRules rules{.points_per_unit_hundredths = rate_hundredths_max,
                    .tiers = {{"Top", tier_factor_hundredths_max}}};
  rules.days = {{.date = day(1, 1), .factor_hundredths = day_factor_hundredths_max}};
  const Rewards rewards = price(rules, {.amount = usd("999999999999.99"), .tier = "Top", .day = day(1, 1)});
  EXPECT_EQ(rewards.base.count, 99'999'999'999'999'000);
  EXPECT_EQ(rewards.earned().count, 11 * 99'999'999'999'999'000);
  EXPECT_EQ(multiplier_text(rewards), "1100000.0");
}

TEST(Rewards, TheBuiltInRulesHaveAName) {
  EXPECT_EQ(default_rules().version, "built-in");
}

}  // namespace
}  // namespace perkline::loyalty
