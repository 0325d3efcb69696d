#include "shared/loyalty/promotion.hpp"

#include <gtest/gtest.h>

namespace perkline::loyalty {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;

constexpr sys_days march_1 = year{2026} / 3 / 1;

PromotionTerm term(int first, int last, bool is_active = true) {
  return {.is_active = is_active, .first = march_1 + days{first}, .last = march_1 + days{last}};
}

TEST(PromotionTerm, RunsFromItsFirstDayToItsLast) {
  EXPECT_FALSE(runs_on(term(2, 4), march_1 + days{1}));
  EXPECT_TRUE(runs_on(term(2, 4), march_1 + days{2}));
  EXPECT_TRUE(runs_on(term(2, 4), march_1 + days{3}));
  EXPECT_TRUE(runs_on(term(2, 4), march_1 + days{4}));
  EXPECT_FALSE(runs_on(term(2, 4), march_1 + days{5}));
  EXPECT_TRUE(runs_on(term(2, 2), march_1 + days{2})) << "of one day";
  EXPECT_FALSE(runs_on(term(2, 4, false), march_1 + days{3})) << "switched off";
}

TEST(PromotionTerm, OverlapsWhatSharesADayWithIt) {
  const PromotionTerm middle = term(10, 20);
  for (const auto& [first, last] : {std::pair{0, 10}, {20, 30}, {12, 15}, {0, 30}, {10, 20}, {15, 15}}) {
    EXPECT_TRUE(overlap(middle, term(first, last))) << first;
    EXPECT_TRUE(overlap(term(first, last), middle)) << first;
    EXPECT_FALSE(overlap(middle, term(first, last, false))) << first << " switched off";
    EXPECT_FALSE(overlap(term(first, last, false), middle)) << first << " switched off";
  }
  for (const auto& [first, last] : {std::pair{0, 9}, {21, 30}}) {
    EXPECT_FALSE(overlap(middle, term(first, last))) << first;
    EXPECT_FALSE(overlap(term(first, last), middle)) << first;
  }
}

TEST(PromotionType, IsKnownByItsName) {
  for (const PromotionType type : promotion_types) EXPECT_EQ(find_promotion_type(name_of(type)), type);
  EXPECT_EQ(name_of(PromotionType::welcome_bonus), "WELCOME_BONUS");
  EXPECT_EQ(find_promotion_type("welcome_bonus"), std::nullopt);
  EXPECT_EQ(find_promotion_type(""), std::nullopt);
  EXPECT_TRUE(runs_alone(PromotionType::welcome_bonus));
  EXPECT_FALSE(runs_alone(PromotionType::vip_promotion));
  EXPECT_FALSE(runs_alone(PromotionType::bonus));
}

}  // namespace
}  // namespace perkline::loyalty
