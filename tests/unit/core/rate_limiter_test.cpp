#include "shared/core/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace perkline {
namespace {

const MonoTime start{hours{1}};

// ---- all at once, at the window's end

TEST(RateLimiter, AdmitsAsManyAsItsLimitAndTellsWhenToComeBack) {
  RateLimiter limiter({.calls_max = 3});
  for (std::int64_t left = 2; left >= 0; --left) {
    const auto verdict = limiter.admit("a", start);
    EXPECT_TRUE(verdict.admitted);
    EXPECT_EQ(verdict.quota.limit, 3);
    EXPECT_EQ(verdict.quota.remaining, left);
  }
  const auto refused = limiter.admit("a", start + seconds{20});
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.quota.remaining, 0);
  EXPECT_EQ(refused.quota.reset, seconds{40});
}

TEST(RateLimiter, BeginsAnewWhenTheWindowHasEnded) {
  RateLimiter limiter({.calls_max = 1});
  EXPECT_TRUE(limiter.admit("a", start).admitted);
  EXPECT_FALSE(limiter.admit("a", start + seconds{60} - Millis{1}).admitted);
  EXPECT_TRUE(limiter.admit("a", start + seconds{60}).admitted);
  EXPECT_FALSE(limiter.admit("a", start + seconds{61}).admitted);
}

TEST(RateLimiter, IsNotPutOffByRefusedCalls) {
  RateLimiter limiter({.calls_max = 1});
  for (int second = 0; second < 60; ++second) limiter.admit("a", start + seconds{second});
  EXPECT_TRUE(limiter.admit("a", start + seconds{60}).admitted);
}

TEST(RateLimiter, CountsEachKeyForItself) {
  for (const Refill refill : {Refill::at_once, Refill::gradual}) {
    RateLimiter limiter({.calls_max = 1, .refill = refill});
    EXPECT_TRUE(limiter.admit("a", start).admitted);
    EXPECT_TRUE(limiter.admit("b", start).admitted);
    EXPECT_FALSE(limiter.admit("a", start).admitted);
  }
}

TEST(RateLimiter, ForgetsWhoeverHasAllCallsAgain) {
  RateLimiter limiter({.calls_max = 2});
  limiter.admit("a", start);
  limiter.admit("b", start + seconds{30});
  EXPECT_EQ(limiter.forget_idle(start + seconds{60} - Millis{1}), 0u);
  EXPECT_EQ(limiter.forget_idle(start + seconds{60}), 1u);
  EXPECT_EQ(limiter.keys(), 1u);
  EXPECT_EQ(limiter.admit("b", start + seconds{61}).quota.remaining, 0) << "still counted";
  EXPECT_EQ(limiter.forget_idle(start + seconds{90}), 1u);
  EXPECT_EQ(limiter.keys(), 0u);
}

TEST(RateLimiter, OfZeroRefusesNothing) {
  RateLimiter limiter({.calls_max = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.admit("a", start).admitted);
  EXPECT_EQ(limiter.keys(), 0u);
}

TEST(RateLimiter, HoldsNoMoreKeysThanItMay) {
  for (const Refill refill : {Refill::at_once, Refill::gradual}) {
    RateLimiter limiter({.calls_max = 1, .refill = refill, .keys_max = 10});
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(limiter.admit("key " + std::to_string(i), start).admitted);
      EXPECT_LE(limiter.keys(), 10u);
    }
    EXPECT_FALSE(limiter.admit("key 999", start).admitted);
    limiter.admit("later", start + seconds{60});
    EXPECT_EQ(limiter.keys(), 1u);
  }
}

// ---- gradually

/// How many of `tries` calls at that moment are admitted.
int admitted(RateLimiter& limiter, MonoTime now, int tries = 1000) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.admit("till", now).admitted ? 1 : 0;
  return count;
}

TEST(TokenBucket, LetsABurstOfOneWindowThroughAndThenAsManyAsTimeGives) {
  RateLimiter limiter({.calls_max = 500, .window = seconds{1}, .refill = Refill::gradual});
  EXPECT_EQ(admitted(limiter, start), 500);
  EXPECT_EQ(admitted(limiter, start + Millis{1}), 0) << "one comes every 2 ms";
  EXPECT_EQ(admitted(limiter, start + Millis{2}), 1) << "what was refused cost nothing";
  EXPECT_EQ(admitted(limiter, start + Millis{102}), 50);
  EXPECT_EQ(admitted(limiter, start + seconds{60}), 500) << "and never more than a burst";
}

TEST(TokenBucket, TellsWhatIsLeftAndWhenAllIsThereAgain) {
  RateLimiter limiter({.calls_max = 4, .window = seconds{1}, .refill = Refill::gradual});
  auto verdict = limiter.admit("till", start);
  EXPECT_EQ(verdict.quota.limit, 4);
  EXPECT_EQ(verdict.quota.remaining, 3);
  EXPECT_EQ(verdict.quota.reset, Millis{250});
  admitted(limiter, start);
  verdict = limiter.admit("till", start + Millis{100});
  EXPECT_FALSE(verdict.admitted);
  EXPECT_EQ(verdict.quota.remaining, 0);
  EXPECT_EQ(verdict.quota.reset, Millis{900});
}

TEST(RateLimiter, TellsWhatItWouldSayWithoutCounting) {
  RateLimiter limiter({.calls_max = 1});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.would_admit("a", start).admitted);
  EXPECT_EQ(limiter.keys(), 0u);
  EXPECT_TRUE(limiter.admit("a", start).admitted);
  const auto refused = limiter.would_admit("a", start + seconds{1});
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.quota.reset, seconds{59});
  EXPECT_TRUE(limiter.would_admit("b", start).admitted);
  EXPECT_TRUE(limiter.would_admit("a", start + minutes{1}).admitted);
}

TEST(TokenBucket, LosesNoFractionOverAnHour) {
  RateLimiter limiter({.calls_max = 7, .window = seconds{1}, .refill = Refill::gradual});
  int count = admitted(limiter, start);
  for (int ms = 1; ms <= 3'600'000; ms += 3)
    count += limiter.admit("till", start + Millis{ms}).admitted ? 1 : 0;
  EXPECT_GE(count, 7 + 7 * 3600 - 1);
  EXPECT_LE(count, 7 + 7 * 3600);
}

TEST(TokenBucket, ForgetsFirstWhoHasNotCalledForLongest) {
  RateLimiter limiter({.calls_max = 1, .window = seconds{1}, .refill = Refill::gradual, .keys_max = 2});
  EXPECT_TRUE(limiter.admit("busy", start).admitted);
  EXPECT_TRUE(limiter.admit("other", start + Millis{1}).admitted);
  EXPECT_FALSE(limiter.admit("busy", start + Millis{2}).admitted);
  EXPECT_TRUE(limiter.admit("third", start + Millis{3}).admitted);
  EXPECT_FALSE(limiter.admit("busy", start + Millis{4}).admitted) << "a call keeps it known";
}

TEST(RateLimited, IsAnErrorWithTheQuota) {
  const Error error = rate_limited({.limit = 5, .remaining = 0, .reset = Millis{700}}, "too many calls");
  EXPECT_EQ(error.code, Errc::rate_limited);
  EXPECT_EQ(error.retry_after, Millis{700});
  EXPECT_EQ(error.quota->limit, 5);
}

}  // namespace
}  // namespace perkline
