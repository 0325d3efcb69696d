#include "pdi_client/token_state.hpp"

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

constexpr MonoTime start{hours{1}};

class TokenStateTest : public ::testing::Test {
 protected:
  /// A refresh from beginning to end at `now`.
  void refresh(std::optional<std::int64_t> expires_in, std::string text = "t") {
    state.begin(now);
    state.succeeded(std::move(text), expires_in);
  }
  void fail_refresh(bool invalid_client = false) {
    state.begin(now);
    state.failed({.invalid_client = invalid_client}, now, rng);
  }
  bool usable_at(Millis after) const { return state.usable(start + after).has_value(); }
  bool due_at(Millis after) const { return state.wants_refresh(start + after); }

  TokenState state;
  SeededRng rng{1};
  MonoTime now = start;
};

TEST_F(TokenStateTest, WantsARefreshBeforeTheFirstToken) {
  EXPECT_FALSE(state.usable(now));
  EXPECT_TRUE(state.wants_refresh(now));
}

TEST_F(TokenStateTest, OneRefreshAtATime) {
  state.begin(now);
  EXPECT_TRUE(state.refreshing());
  EXPECT_FALSE(state.wants_refresh(now + hours{1}));
  state.succeeded("t", 3600);
  EXPECT_FALSE(state.refreshing());
}

TEST_F(TokenStateTest, RefreshesAtFourFifthsOfTheLifeAndStopsUsingHalfAMinuteBeforeItsEnd) {
  refresh(3600);
  EXPECT_FALSE(due_at(seconds{2879}));
  EXPECT_TRUE(due_at(seconds{2880}));
  EXPECT_TRUE(usable_at(Millis{3'569'999}));
  EXPECT_FALSE(usable_at(seconds{3570}));
}

TEST_F(TokenStateTest, ShortLifeKeepsATenthBackSoThatItIsUsedAtAll) {
  refresh(20);
  EXPECT_FALSE(due_at(Millis{15'999}));
  EXPECT_TRUE(due_at(seconds{16}));
  EXPECT_TRUE(usable_at(Millis{17'999}));
  EXPECT_FALSE(usable_at(seconds{18}));
}

TEST_F(TokenStateTest, LifeRunsFromWhenItWasAskedFor) {
  state.begin(start);
  state.succeeded("t", 100);  // However long the answer took.
  EXPECT_FALSE(usable_at(seconds{90}));
}

TEST_F(TokenStateTest, MissingOrAbsurdLifeIsFiveMinutes) {
  for (const std::optional<std::int64_t> told :
       {std::optional<std::int64_t>(), std::optional<std::int64_t>(0), std::optional<std::int64_t>(-1),
        std::optional<std::int64_t>(INT64_MIN), std::optional<std::int64_t>(INT64_MAX),
        std::optional<std::int64_t>(3'600'000)}) {
    state = {};
    refresh(told);
    EXPECT_FALSE(due_at(Millis{239'999})) << told.value_or(0);
    EXPECT_TRUE(due_at(seconds{240})) << told.value_or(0);
    EXPECT_TRUE(usable_at(Millis{269'999})) << told.value_or(0);
    EXPECT_FALSE(usable_at(seconds{270})) << told.value_or(0);
  }
}

TEST_F(TokenStateTest, NeverMoreThanOneRefreshASecond) {
  refresh(3600);
  state.refused(1);
  EXPECT_FALSE(state.usable(now));
  EXPECT_FALSE(due_at(Millis{999}));
  EXPECT_TRUE(due_at(seconds{1}));
  EXPECT_FALSE(state.is_failing(now)) << "a pause is no failure: whoever waits will have a token";
}

TEST_F(TokenStateTest, EachRefreshIsAGeneration) {
  refresh(3600, "first");
  EXPECT_EQ(state.usable(now)->generation, 1u);
  now += seconds{2};
  refresh(3600, "second");
  EXPECT_EQ(state.usable(now)->generation, 2u);
  EXPECT_EQ(state.usable(now)->text, "second");
}

TEST_F(TokenStateTest, RefusalOfAnOlderGenerationChangesNothing) {
  refresh(3600);
  now += seconds{2};
  refresh(3600);
  state.refused(1);
  EXPECT_TRUE(state.usable(now));
  EXPECT_FALSE(state.wants_refresh(now + seconds{2}));
  state.refused(2);
  EXPECT_FALSE(state.usable(now));
}

TEST_F(TokenStateTest, FailureIsRememberedWithBackoff) {
  fail_refresh();
  EXPECT_TRUE(state.is_failing(now));
  EXPECT_FALSE(state.wants_refresh(now));
  EXPECT_GE(state.retry_at(), now + seconds{1});
  EXPECT_TRUE(state.wants_refresh(state.retry_at()));
  EXPECT_FALSE(state.is_failing(state.retry_at()));
}

TEST_F(TokenStateTest, BackoffGrowsToAMinuteAndForgetsWithSuccess) {
  Millis longest{0};
  for (int i = 0; i < 200; ++i) {
    fail_refresh();
    const Millis pause = std::chrono::duration_cast<Millis>(state.retry_at() - now);
    EXPECT_GE(pause, seconds{1});
    EXPECT_LE(pause, seconds{60});
    longest = std::max(longest, pause);
    now = state.retry_at();
  }
  EXPECT_GT(longest, seconds{40});
  refresh(3600);
  state.refused(1);
  now += seconds{1};
  fail_refresh();
  EXPECT_EQ(state.retry_at(), now + seconds{1});
}

TEST_F(TokenStateTest, WaitsForAsLongAsTheEndpointAsksAndALittleLonger) {
  state.begin(now);
  state.failed({.retry_after = minutes{4}}, now, rng);
  EXPECT_GE(state.retry_at(), now + minutes{4});
  EXPECT_LE(state.retry_at(), now + Millis{288'000}) << "and up to a fifth longer";
  now += minutes{5};
  state.begin(now);
  state.failed({.retry_after = Millis{0}}, now, rng);
  EXPECT_GE(state.retry_at(), now + seconds{1}) << "but no shorter than it would";
}

TEST_F(TokenStateTest, UnknownClientWaitsFiveMinutes) {
  fail_refresh(true);
  EXPECT_EQ(state.retry_at(), now + minutes{5});
  EXPECT_TRUE(state.is_failing(now + Millis{299'999}));
}

TEST_F(TokenStateTest, FailedProactiveRefreshLeavesTheOldTokenInUse) {
  refresh(3600);
  now = start + seconds{2880};
  fail_refresh();
  EXPECT_TRUE(state.usable(now));
}

TEST_F(TokenStateTest, ForbiddenCallRenewsTheTokenOnce) {
  refresh(3600);
  EXPECT_TRUE(state.forbidden(1));
  EXPECT_FALSE(state.forbidden(1));
  EXPECT_TRUE(state.usable(now)) << "other calls go on with it";
  now += seconds{1};
  EXPECT_TRUE(state.wants_refresh(now));
  refresh(3600);
  EXPECT_FALSE(state.forbidden(2)) << "the fresh token has shown that it is not the token's fault";
  EXPECT_FALSE(state.wants_refresh(now + seconds{2}));
}

TEST_F(TokenStateTest, ForbiddenMayRenewAgainAfterTheNextOrdinaryRefresh) {
  refresh(3600);
  EXPECT_TRUE(state.forbidden(1));
  now += seconds{1};
  refresh(3600);
  now += seconds{2880};
  refresh(3600);
  EXPECT_TRUE(state.forbidden(3));
  EXPECT_FALSE(state.forbidden(2));
}

}  // namespace
}  // namespace perkline::pdi
