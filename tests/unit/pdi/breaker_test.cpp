#include "pdi_client/breaker.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

class Breaking : public testing::Test {
 protected:
  BreakerState state() { return breaker.state(now); }
  void succeed(int times = 1, bool slow = false) {
    for (int i = 0; i < times; ++i) breaker.succeeded(breaker.admit(now).value(), slow, now);
  }
  void fail_call(int times = 1) {
    for (int i = 0; i < times; ++i) breaker.failed(breaker.admit(now).value(), now);
  }
  /// Fails until it is open, and waits until it is half open.
  void to_half_open() {
    fail_call(5);
    ASSERT_EQ(state(), BreakerState::open);
    now = breaker.open_at();
    ASSERT_EQ(state(), BreakerState::half_open);
  }
  Millis open_for() { return std::chrono::duration_cast<Millis>(breaker.open_at() - now); }

  SeededRng rng{7};
  Breaker breaker{{}, rng};
  MonoTime now{hours{1}};
};

TEST_F(Breaking, StaysClosedWhileCallsGoWell) {
  succeed(1000);
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_LE(breaker.open_at(), now);
}

TEST_F(Breaking, OpensOnFiveFailuresInARow) {
  succeed(100);
  fail_call(4);
  succeed();
  fail_call(4);
  EXPECT_EQ(state(), BreakerState::closed);
  fail_call();
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_FALSE(breaker.admit(now));
}

TEST_F(Breaking, OpensWhenHalfOfTheCallsFail) {
  for (int i = 0; i < 2; ++i) {
    fail_call();
    succeed();
  }
  EXPECT_EQ(state(), BreakerState::closed) << "four calls are too few to tell";
  fail_call();
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(Breaking, OpensWhenMostCallsAreSlow) {
  succeed(1);
  succeed(3, true);
  EXPECT_EQ(state(), BreakerState::closed);
  succeed(1, true);
  EXPECT_EQ(state(), BreakerState::open) << "four of five";
}

TEST_F(Breaking, CountsTheLastMinuteOnly) {
  fail_call(4);
  now += seconds{60};
  succeed();
  fail_call();
  succeed(4);
  EXPECT_EQ(state(), BreakerState::closed) << "one of six";
  now += seconds{59};
  fail_call(4);
  EXPECT_EQ(state(), BreakerState::open) << "five of ten";
}

TEST_F(Breaking, StaysOpenForAboutItsBaseTime) {
  fail_call(5);
  EXPECT_GE(open_for(), Millis{4000});
  EXPECT_LE(open_for(), Millis{6000});
  now = breaker.open_at() - Millis{1};
  EXPECT_EQ(state(), BreakerState::open);
  now += Millis{1};
  EXPECT_EQ(state(), BreakerState::half_open);
}

TEST_F(Breaking, KeepsToWhatTheOtherSideAsksForUpToFiveMinutes) {
  for (int i = 0; i < 4; ++i) fail_call();
  breaker.failed(breaker.admit(now).value(), now, seconds{90});
  EXPECT_EQ(open_for(), seconds{90});
  now = breaker.open_at();
  breaker.failed(breaker.admit(now).value(), now, hours{10});
  EXPECT_EQ(open_for(), seconds{300});
}

TEST_F(Breaking, DoublesItsTimeUpToItsMostAndBeginsAnewWhenClosed) {
  to_half_open();
  const std::deque<std::pair<int, int>> bounds{
      {8000, 12'000}, {16'000, 24'000}, {32'000, 48'000}, {48'000, 72'000}, {48'000, 72'000}};
  for (const auto& [low, high] : bounds) {
    fail_call();
    ASSERT_EQ(state(), BreakerState::open);
    EXPECT_GE(open_for(), Millis{low});
    EXPECT_LE(open_for(), Millis{high});
    now = breaker.open_at();
  }
  succeed(3);
  ASSERT_EQ(state(), BreakerState::closed);
  fail_call(5);
  EXPECT_LE(open_for(), Millis{6000});
}

TEST_F(Breaking, HalfOpenAdmitsOneAtATimeAndThreeInAll) {
  to_half_open();
  const auto first = breaker.admit(now);
  ASSERT_TRUE(first);
  EXPECT_FALSE(breaker.admit(now));
  breaker.succeeded(*first, false, now);
  EXPECT_EQ(state(), BreakerState::half_open);
  succeed(2);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, OneFailureWhileHalfOpenOpensIt) {
  to_half_open();
  succeed(2);
  fail_call();
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(Breaking, APermitThatDecidesNothingIsGivenBack) {
  to_half_open();
  for (int i = 0; i < 10; ++i) breaker.ignored(breaker.admit(now).value());
  succeed(3);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, HalfOpenForHalfAMinuteWithoutADecisionIsOpenAgain) {
  to_half_open();
  const auto lost = breaker.admit(now);
  ASSERT_TRUE(lost);
  now += seconds{30};
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_GE(open_for(), Millis{8000});
}

TEST_F(Breaking, AnswersOfAnEarlierStateDecideNothing) {
  const auto early = breaker.admit(now).value();
  to_half_open();
  breaker.failed(early, now);
  EXPECT_EQ(state(), BreakerState::half_open);
  breaker.succeeded(early, false, now);
  breaker.ignored(early);
  succeed(2);
  EXPECT_EQ(state(), BreakerState::half_open) << "the early one was none of the three";
  succeed();
  breaker.failed(early, now);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, AnOperatorOpensItUntilHeSaysOtherwise) {
  breaker.force_open();
  EXPECT_EQ(state(), BreakerState::forced_open);
  EXPECT_FALSE(breaker.admit(now));
  now += hours{100};
  EXPECT_EQ(state(), BreakerState::forced_open);
  EXPECT_EQ(breaker.open_at(), MonoTime::max());
  breaker.automatic();
  EXPECT_EQ(state(), BreakerState::closed);
  succeed();
}

TEST_F(Breaking, AutomaticChangesNothingElse) {
  fail_call(5);
  breaker.automatic();
  EXPECT_EQ(state(), BreakerState::open);
}

/// Any history at all: nobody is let in while it is open, and one at a time while it is half open.
TEST(BreakerHistories, KeepTheirPromises) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRng rng(seed);
    Breaker breaker({}, rng);
    MonoTime now{hours{1}};
    std::deque<Breaker::Ticket> out;
    std::uint64_t probing = 0;
    for (int step = 0; step < 2000; ++step) {
      now += Millis{static_cast<std::int64_t>(rng.below(rng.below(50) == 0 ? 20'000 : 400))};
      const BreakerState before = breaker.state(now);
      if (const auto ticket = breaker.admit(now)) {
        ASSERT_NE(before, BreakerState::open);
        ASSERT_NE(before, BreakerState::forced_open);
        if (before == BreakerState::half_open) {
          ASSERT_NE(probing, ticket->generation) << "two at a time, seed " << seed;
          probing = ticket->generation;
        }
        out.push_back(*ticket);
      }
      if (out.empty() || rng.below(3) == 0) continue;
      const Breaker::Ticket ticket = out.front();
      out.pop_front();
      if (probing == ticket.generation) probing = 0;
      const auto fate = rng.below(10);
      if (fate < 4) {
        breaker.failed(ticket, now);
      } else if (fate < 8) {
        breaker.succeeded(ticket, rng.below(4) == 0, now);
      } else {
        breaker.ignored(ticket);
      }
    }
  }
}

}  // namespace
}  // namespace perkline::pdi
