#include "pdi_client/retry.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

TEST(SecondAttempt, IsMadeOnlyWherePdiGaveNoAnswer) {
  for (const Outcome outcome :
       {Outcome::rejected, Outcome::rate_limited, Outcome::unauthorized, Outcome::forbidden,
        Outcome::no_token, Outcome::not_tried, Outcome::cancelled}) {
    EXPECT_FALSE(is_worth_repeating({.outcome = outcome, .left = seconds{5}, .timeout = seconds{5}}))
        << name_of(outcome);
  }
  EXPECT_TRUE(
      is_worth_repeating({.outcome = Outcome::unavailable, .left = seconds{5}, .timeout = seconds{5}}));
}

TEST(SecondAttempt, NeedsAFifthOfTheTimeout) {
  EXPECT_TRUE(
      is_worth_repeating({.outcome = Outcome::unavailable, .left = seconds{1}, .timeout = seconds{5}}));
  EXPECT_FALSE(
      is_worth_repeating({.outcome = Outcome::unavailable, .left = Millis{999}, .timeout = seconds{5}}));
  EXPECT_FALSE(
      is_worth_repeating({.outcome = Outcome::unavailable, .left = Millis{-1}, .timeout = seconds{5}}));
}

class Budgeting : public testing::Test {
 protected:
  void call(int times) {
    for (int i = 0; i < times; ++i) budget.note_call(now);
  }
  /// How many retries may be made now.
  int retries() {
    int count = 0;
    while (budget.take(now)) ++count;
    return count;
  }

  RetryBudget budget;
  MonoTime now{hours{1}};
};

TEST_F(Budgeting, AFifthOfTheCallsAreRetries) {
  call(100);
  EXPECT_EQ(retries(), 20);
  call(4);
  EXPECT_EQ(retries(), 0);
  call(1);
  EXPECT_EQ(retries(), 1);
}

TEST_F(Budgeting, AFewAreLetThroughWhereCallsAreFew) {
  EXPECT_EQ(retries(), 3);
  now += seconds{59};
  EXPECT_EQ(retries(), 0);
  now += seconds{1};
  EXPECT_EQ(retries(), 3);
}

TEST_F(Budgeting, HowManyIsTheCallersToSay) {
  budget = RetryBudget(60);
  EXPECT_EQ(retries(), 60);
}

TEST_F(Budgeting, CallsOfMoreThanAMinuteAgoDoNotCount) {
  call(1000);
  now += seconds{59};
  EXPECT_EQ(retries(), 200);
  now += seconds{1};
  EXPECT_EQ(retries(), 0) << "the calls are gone, their retries are not";
  now += seconds{59};
  EXPECT_EQ(retries(), 3);
}

TEST_F(Budgeting, NoMinuteHasMoreRetriesThanAFifthOfItsCalls) {
  SeededRng rng(5);
  std::vector<MonoTime> calls;
  std::vector<MonoTime> tries;
  const auto in_last_minute = [&](const std::vector<MonoTime>& times) {
    return std::ranges::count_if(times, [&](MonoTime time) { return time > now - seconds{60}; });
  };
  for (int i = 0; i < 3000; ++i) {
    now += Millis{static_cast<std::int64_t>(rng.below(200))};
    budget.note_call(now);
    calls.push_back(now);
    if (rng.below(3) == 0 && budget.take(now)) {
      tries.push_back(now);
      // Buckets are whole seconds: what they hold is a second less than the minute at worst.
      ASSERT_LE(in_last_minute(tries) * 5, std::max<std::ptrdiff_t>(15, in_last_minute(calls)) + 50);
    }
  }
  EXPECT_GT(tries.size(), 500U);
}

}  // namespace
}  // namespace perkline::pdi
