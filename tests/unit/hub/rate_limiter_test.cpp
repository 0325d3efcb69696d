#include "hub/identity/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace perkline::hub::identity {
namespace {

const MonoTime start{hours{1}};

TEST(RateLimiter, AdmitsAsManyAsItsLimitAndTellsWhenToComeBack) {
  RateLimiter limiter({.calls_max = 3});
  for (std::int64_t left = 2; left >= 0; --left) {
    const auto verdict = limiter.admit("a", start);
    EXPECT_TRUE(verdict.admitted);
    EXPECT_EQ(verdict.limit, 3);
    EXPECT_EQ(verdict.remaining, left);
  }
  const auto refused = limiter.admit("a", start + seconds{20});
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.reset, seconds{40});
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
  RateLimiter limiter({.calls_max = 1});
  EXPECT_TRUE(limiter.admit("a", start).admitted);
  EXPECT_TRUE(limiter.admit("b", start).admitted);
  EXPECT_FALSE(limiter.admit("a", start).admitted);
}

TEST(RateLimiter, OfZeroRefusesNothing) {
  RateLimiter limiter({.calls_max = 0});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.admit("a", start).admitted);
  EXPECT_EQ(limiter.keys(), 0u);
}

TEST(RateLimiter, HoldsNoMoreKeysThanItMay) {
  RateLimiter limiter({.calls_max = 1, .keys_max = 10});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limiter.admit("key " + std::to_string(i), start).admitted);
    EXPECT_LE(limiter.keys(), 10u);
  }
  EXPECT_FALSE(limiter.admit("key 999", start).admitted);
  limiter.admit("later", start + seconds{60});
  EXPECT_EQ(limiter.keys(), 1u);
}

}  // namespace
}  // namespace perkline::hub::identity
