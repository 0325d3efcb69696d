#include "shared/loyalty/returns.hpp"

#include <gtest/gtest.h>

namespace perkline::loyalty {
namespace {

const SoldFor sale{.amount = 15000, .earned = 450, .redeemed = 100};

TEST(ReturnPoints, AreRoundedAgainstTheMemberInTheirTotals) {
  EXPECT_EQ(return_points(sale, {.before = 0, .amount = 5000}), (ReturnPoints{150, 33}));
  EXPECT_EQ(return_points(sale, {.before = 0, .amount = 1}), (ReturnPoints{1, 0}));
  EXPECT_EQ(return_points(sale, {.before = 0, .amount = 15000}), (ReturnPoints{450, 100}));
}

TEST(ReturnPoints, AreTheDifferenceOfTheTotals) {
  // 33.33 and 66.66 of the 100 redeemed: 33, then 33 more, then the rest.
  EXPECT_EQ(return_points(sale, {.before = 5000, .amount = 5000}), (ReturnPoints{150, 33}));
  EXPECT_EQ(return_points(sale, {.before = 10000, .amount = 5000}), (ReturnPoints{150, 34}));
  // The first cent has cost a whole point; the next ones cost nothing until that is used up.
  EXPECT_EQ(return_points(sale, {.before = 1, .amount = 32}), (ReturnPoints{0, 0}));
  EXPECT_EQ(return_points(sale, {.before = 33, .amount = 1}), (ReturnPoints{1, 0}));
}

TEST(ReturnPoints, OfASaleForNothingAreNone) {
  EXPECT_EQ(return_points({.amount = 0, .earned = 7, .redeemed = 7}, {}), ReturnPoints{});
  EXPECT_EQ(return_points(sale, {.before = 15000, .amount = 0}), ReturnPoints{});
}

TEST(ReturnPoints, DoNotOverflow) {
  const SoldFor huge{.amount = 99'999'999'999'999, .earned = 1'000'000'000'000, .redeemed = 0};
  EXPECT_EQ(return_points(huge, {.before = 0, .amount = huge.amount}), (ReturnPoints{1'000'000'000'000, 0}));
}

TEST(ReturnPoints, HoweverASaleComesBackTheWholeOfItIsTheSame) {
  ReturnPoints sum;
  std::int64_t before = 0;
  for (std::int64_t step = 1; before < sale.amount; step = step * 3 % 997 + 1) {
    const std::int64_t amount = step < sale.amount - before ? step : sale.amount - before;
    const ReturnPoints points = return_points(sale, {.before = before, .amount = amount});
    EXPECT_GE(points.clawed_back, 0);
    EXPECT_GE(points.restored, 0);
    sum = {sum.clawed_back + points.clawed_back, sum.restored + points.restored};
    before += amount;
  }
  EXPECT_EQ(sum, (ReturnPoints{sale.earned, sale.redeemed}));
}

}  // namespace
}  // namespace perkline::loyalty
