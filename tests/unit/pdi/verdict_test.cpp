#include "pdi_client/verdict.hpp"

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

constexpr MonoTime now{hours{1}};

enum class Verdict : std::uint8_t { success, failure, ignored };

/// What the breaker makes of it: half open with one permit, each verdict leads elsewhere.
Verdict verdict_of(Outcome outcome) {
  SeededRng rng(1);
  Breaker breaker({.consecutive_failures = 1, .half_open_permits = 1}, rng);
  breaker.admit(now).value().failed(now);
  const MonoTime later = breaker.open_at();
  judge(breaker.admit(later).value(), {.outcome = outcome, .error = {}}, later);
  switch (breaker.state(later)) {
    case BreakerState::closed:
      return Verdict::success;
    case BreakerState::open:
      return Verdict::failure;
    default:
      EXPECT_TRUE(breaker.admit(later)) << "the permit is given back";
      return Verdict::ignored;
  }
}

TEST(Verdict, IsAsTheTableOfOutcomesSays) {
  EXPECT_EQ(verdict_of(Outcome::rejected), Verdict::success);
  EXPECT_EQ(verdict_of(Outcome::forbidden), Verdict::success);
  EXPECT_EQ(verdict_of(Outcome::unavailable), Verdict::failure);
  EXPECT_EQ(verdict_of(Outcome::unauthorized), Verdict::failure);
  EXPECT_EQ(verdict_of(Outcome::rate_limited), Verdict::ignored);
  EXPECT_EQ(verdict_of(Outcome::no_token), Verdict::ignored);
  EXPECT_EQ(verdict_of(Outcome::not_tried), Verdict::ignored);
  EXPECT_EQ(verdict_of(Outcome::cancelled), Verdict::ignored);
}

TEST(Verdict, HandsOnWhatTheOtherSideAsksFor) {
  SeededRng rng(1);
  Breaker breaker({.consecutive_failures = 1}, rng);
  judge(breaker.admit(now).value(),
        {.outcome = Outcome::unavailable,
         .error = {.code = Errc::pdi_unavailable, .detail = "503", .retry_after = seconds{90}}},
        now);
  EXPECT_EQ(breaker.open_at(), now + seconds{90});
}

TEST(Slow, IsFourFifthsOfTheTimeout) {
  EXPECT_FALSE(is_slow(Millis{3999}, seconds{5}));
  EXPECT_TRUE(is_slow(Millis{4000}, seconds{5}));
}

}  // namespace
}  // namespace perkline::pdi
