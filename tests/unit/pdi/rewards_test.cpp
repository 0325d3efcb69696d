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

}  // namespace
}  // namespace perkline::loyalty
