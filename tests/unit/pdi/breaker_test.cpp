#include "pdi_client/breaker.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace perkline::pdi {
namespace {

class Breaking : public testing::Test {
 protected:
  BreakerState state() { return breaker.state(now); }
  Breaker::Permit permit() { return breaker.admit(now).value(); }
  void succeed(int times = 1, bool slow = false) {
    for (int i = 0; i < times; ++i) permit().succeeded(slow, now);
  }
  void fail_call(int times = 1, std::optional<Millis> retry_after = std::nullopt) {
    for (int i = 0; i < times; ++i) permit().failed(now, retry_after);
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
  fail_call(4);
  fail_call(1, seconds{90});
  EXPECT_EQ(open_for(), seconds{90});
  now = breaker.open_at();
  fail_call(1, hours{10});
  EXPECT_EQ(open_for(), seconds{300});
}

TEST_F(Breaking, IsOpenNoShorterForAShortRetryAfter) {
  fail_call(5, Millis{1});
  EXPECT_GE(open_for(), Millis{4000});
}

TEST_F(Breaking, SpreadsTheTimesItIsOpen) {
  Millis shortest{hours{1}};
  Millis longest{0};
  for (int i = 0; i < 200; ++i) {
    fail_call(5);
    shortest = std::min(shortest, open_for());
    longest = std::max(longest, open_for());
    now = breaker.open_at();
    succeed(3);
  }
  EXPECT_GE(shortest, Millis{4000});
  EXPECT_LT(shortest, Millis{4200});
  EXPECT_LE(longest, Millis{6000});
  EXPECT_GT(longest, Millis{5800});
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
  auto first = breaker.admit(now);
  ASSERT_TRUE(first);
  EXPECT_FALSE(breaker.admit(now));
  std::move(*first).succeeded(false, now);
  EXPECT_EQ(state(), BreakerState::half_open);
  succeed(2);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, SlowProbesAreGood) {
  to_half_open();
  succeed(3, true);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, OneFailureWhileHalfOpenOpensIt) {
  to_half_open();
  succeed(2);
  fail_call();
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(Breaking, APermitThatGoesWithoutAWordIsGivenBack) {
  to_half_open();
  for (int i = 0; i < 10; ++i) (void)permit();
  succeed(3);
  EXPECT_EQ(state(), BreakerState::closed);
  (void)permit();
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, APermitIsOneHoweverOftenItMoves) {
  to_half_open();
  {
    Breaker::Permit first = permit();
    Breaker::Permit second = std::move(first);
    const Breaker::Permit third = std::move(second);
    EXPECT_FALSE(breaker.admit(now)) << "it is still out";
  }
  succeed(2);
  EXPECT_EQ(state(), BreakerState::half_open) << "given back once, it did not count";
  succeed();
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, APermitMayOutliveItsBreaker) {
  std::optional<Breaker> brief(std::in_place, BreakerOptions{}, rng);
  std::optional<Breaker::Permit> ignored = brief->admit(now);
  Breaker::Permit used = brief->admit(now).value();
  brief.reset();
  ignored.reset();
  std::move(used).failed(now);
}

TEST_F(Breaking, HalfOpenForHalfAMinuteWithoutADecisionIsOpenAgain) {
  to_half_open();
  now += hours{1};
  EXPECT_EQ(state(), BreakerState::half_open) << "nobody has asked for a permit";
  Breaker::Permit lost = permit();
  now += Millis{29'999};
  EXPECT_EQ(state(), BreakerState::half_open);
  now += Millis{1};
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_GE(open_for(), Millis{8000});
  const MonoTime open_at = breaker.open_at();
  std::move(lost).succeeded(false, now);
  EXPECT_EQ(breaker.open_at(), open_at) << "it comes too late to count";
}

TEST_F(Breaking, GoodProbesThatComeToNoDecisionDoNotCloseIt) {
  to_half_open();
  succeed(2);
  now += seconds{30};
  EXPECT_EQ(state(), BreakerState::open);
  now = breaker.open_at();
  succeed(2);
  EXPECT_EQ(state(), BreakerState::half_open) << "they are counted anew";
}

TEST_F(Breaking, AnswersOfAnEarlierStateDecideNothing) {
  std::vector<Breaker::Permit> early;
  for (int i = 0; i < 4; ++i) early.push_back(permit());
  to_half_open();
  std::move(early[0]).failed(now);
  EXPECT_EQ(state(), BreakerState::half_open);
  std::move(early[1]).succeeded(false, now);
  Breaker::Permit probe = permit();
  {
    const Breaker::Permit ignored = std::move(early[2]);
  }
  EXPECT_FALSE(breaker.admit(now)) << "an early one gives no place of the probes' back";
  std::move(probe).succeeded(false, now);
  succeed(2);
  ASSERT_EQ(state(), BreakerState::closed);
  std::move(early[3]).failed(now);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(Breaking, CountsAnewWhenItHasClosed) {
  to_half_open();
  succeed(3);
  fail_call(4);
  EXPECT_EQ(state(), BreakerState::closed) << "four are too few to tell, and the five before are forgotten";
}

TEST_F(Breaking, ARateOfNothingIsReachedByTheFirst) {
  Breaker strict({.failure_rate = 0, .slow_rate = 0}, rng);
  for (int i = 0; i < 10; ++i) strict.admit(now).value().succeeded(false, now);
  EXPECT_EQ(strict.state(now), BreakerState::closed);
  strict.admit(now).value().failed(now);
  EXPECT_EQ(strict.state(now), BreakerState::open);
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
  now = breaker.open_at();
  breaker.automatic();
  EXPECT_EQ(state(), BreakerState::half_open);
}

TEST_F(Breaking, AnswersFromBeforeTheOperatorDecideNothing) {
  to_half_open();
  Breaker::Permit probe = permit();
  breaker.force_open();
  std::move(probe).failed(now);
  EXPECT_EQ(state(), BreakerState::forced_open);
  breaker.automatic();
  fail_call(5);
  EXPECT_LE(open_for(), Millis{6000}) << "how often it has been open before is forgotten";
}

/// A breaker in a random history, held to its promises at every step.
class History {
 public:
  explicit History(std::uint64_t seed) : rng_(seed), breaker_({}, rng_) {}

  void step() {
    now_ += Millis{static_cast<std::int64_t>(rng_.below(rng_.below(50) == 0 ? 40'000 : 400))};
    if (rng_.below(400) == 0) breaker_.force_open();
    if (rng_.below(20) == 0) breaker_.automatic();
    ask();
    if (!out_.empty() && rng_.below(3) > 0) answer();
    const BreakerState is = breaker_.state(now_);
    if (is == was_) return;
    ++changes_;
    was_ = is;
  }
  std::size_t changes() const { return changes_; }
  /// Goes on with a healthy other side, until it is closed.
  bool recovers() {
    breaker_.automatic();
    for (int i = 0; i < 1000 && breaker_.state(now_) != BreakerState::closed; ++i) {
      now_ += seconds{1};
      out_.clear();
      if (auto permit = breaker_.admit(now_)) std::move(*permit).succeeded(false, now_);
    }
    return breaker_.state(now_) == BreakerState::closed;
  }

 private:
  struct Out {
    Breaker::Permit permit;
    std::size_t probe_of;  ///< The half-open time it belongs to; 0: none.
  };

  void ask() {
    const BreakerState before = breaker_.state(now_);
    if (before == BreakerState::half_open && before != was_) ++probing_;
    was_ = before;
    auto permit = breaker_.admit(now_);
    if (!permit) {
      EXPECT_NE(before, BreakerState::closed);
      return;
    }
    EXPECT_TRUE(before == BreakerState::closed || before == BreakerState::half_open);
    const std::size_t probe_of = before == BreakerState::half_open ? probing_ : 0;
    if (probe_of != 0) {
      EXPECT_FALSE(std::ranges::any_of(out_, [&](const Out& out) { return out.probe_of == probe_of; }))
          << "two probes at a time";
    }
    out_.push_back({.permit = std::move(*permit), .probe_of = probe_of});
  }
  /// Any of those under way, some of them of long ago.
  void answer() {
    const auto chosen = std::next(out_.begin(), static_cast<std::ptrdiff_t>(rng_.below(out_.size())));
    Breaker::Permit permit = std::move(chosen->permit);
    out_.erase(chosen);
    const auto fate = rng_.below(10);
    if (fate < 4) {
      std::move(permit).failed(now_, fate == 0 ? std::optional(Millis{7000}) : std::nullopt);
    } else if (fate < 8) {
      std::move(permit).succeeded(rng_.below(4) == 0, now_);
    }
  }

  SeededRng rng_;
  Breaker breaker_;
  MonoTime now_{hours{1}};
  std::list<Out> out_;
  BreakerState was_ = BreakerState::closed;
  std::size_t probing_ = 0;
  std::size_t changes_ = 0;
};

TEST(BreakerHistories, NobodyIsLetInWhileItIsOpenAndOneAtATimeWhileItIsHalfOpen) {
  std::size_t changes = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    for (int step = 0; step < 2000; ++step) history.step();
    changes += history.changes();
    EXPECT_TRUE(history.recovers());
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  EXPECT_GT(changes, 10'000U) << "the histories are too dull to tell";
}

}  // namespace
}  // namespace perkline::pdi
