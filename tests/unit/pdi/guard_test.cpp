#include "pdi_client/guard.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/net/signal.hpp"
#include "tests/support/sim_pdi.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::pdi {
namespace {

using test::PdiCall;
using test::PdiFault;

class Guarding : public testing::Test {
 protected:
  Reply<Identified> identify(Pdi& by) {
    return test::run_task(world, by.identify({.customer = CustomerId("CUST-12345"),
                                              .channel = ChannelId("POS-1"),
                                              .transaction = TransactionId("T-1")},
                                             world.clock().mono_now() + seconds{5}));
  }
  Reply<SessionStatus> status(Pdi& by) {
    return test::run_task(world,
                          by.status(ProviderSessionId("nobody"), world.clock().mono_now() + seconds{3}));
  }
  void pass(Millis time_passed) {
    world.run_until([] { return false; }, time_passed);
    time.mono += time_passed;
  }
  void out() {
    books.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  /// Fails until tills are turned away.
  void open() {
    out();
    while (guard.is_closed()) (void)identify(guard.tills());
  }
  /// Waits until an open one is half open.
  void to_half_open() {
    pass(std::chrono::ceil<Millis>(guard.open_at() - time.mono));
    ASSERT_EQ(guard.state(), BreakerState::half_open);
  }
  std::size_t identified() const { return books.sent(PdiCall::identify); }

  test::VirtualTime time;
  test::SimWorld world{time};
  test::SimPdiBooks books;
  test::SimPdi pdi{books, world.clock()};
  SeededRng rng{3};
  std::vector<std::string> changes;
  Guard guard{pdi, world.clock(), rng, {.on_change = [this](BreakerState, BreakerState to) {
                changes.emplace_back(name_of(to));
              }}};
};

TEST_F(Guarding, CallsGoThroughWhilePdiIsWell) {
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_TRUE(identify(guard.settlement()));
  EXPECT_TRUE(changes.empty());
}

PdiFault silent_at_once() {
  return {.refuse_to_send = test::pdi_not_sent(Outcome::unavailable)};
}

TEST_F(Guarding, ATillsCallIsTriedTwiceAndSettlementsOnce) {
  books.next(PdiCall::identify, silent_at_once());
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(identified(), 1u) << "the first did not leave";
  books.next(PdiCall::identify, silent_at_once());
  EXPECT_FALSE(identify(guard.settlement()));
  books.next(PdiCall::status, silent_at_once());
  EXPECT_EQ(status(guard.tills()).error().outcome, Outcome::rejected) << "status too";
}

TEST_F(Guarding, ATillsCallIsTriedNoThirdTime) {
  books.next(PdiCall::identify, silent_at_once());
  books.next(PdiCall::identify, silent_at_once());
  EXPECT_EQ(identify(guard.tills()).error().outcome, Outcome::unavailable);
  EXPECT_EQ(identified(), 0u);
}

TEST_F(Guarding, FinalizeIsNeverTriedTwice) {
  const auto session = identify(guard.tills())->session;
  books.next(PdiCall::finalize, silent_at_once());
  const FinalizeCall sale{.session = session,
                          .transaction = TransactionId("T-1"),
                          .final_amount = {.minor = 15'000, .currency = *find_currency("USD")},
                          .redeem = std::nullopt};
  const auto in_time = [&] { return world.clock().mono_now() + seconds{10}; };
  EXPECT_FALSE(test::run_task(world, guard.tills().finalize(sale, in_time())));
  EXPECT_EQ(books.sent(PdiCall::finalize), 0u);
  EXPECT_TRUE(test::run_task(world, guard.tills().finalize(sale, in_time())));
}

TEST_F(Guarding, SettlementsRetriesHaveABudgetOfTheirOwn) {
  int taken = 0;
  while (guard.take_settlement_retry()) ++taken;
  EXPECT_EQ(taken, 60) << "with hardly a call, one a second";
  books.next(PdiCall::identify, silent_at_once());
  EXPECT_TRUE(identify(guard.tills())) << "a till's second attempt is none of them";
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(identify(guard.settlement()));
  while (guard.take_settlement_retry()) ++taken;
  EXPECT_EQ(taken, 80) << "a fifth of what settlement calls";
}

TEST_F(Guarding, NothingIsTriedTwiceAfterTheDeadline) {
  out();
  EXPECT_FALSE(identify(guard.tills()));
  EXPECT_EQ(identified(), 1u);
}

TEST_F(Guarding, TheFirstAttemptsFailureIsToldWhereASecondMayNotBeMade) {
  for (int i = 0; i < 4; ++i) {
    books.next(PdiCall::identify, silent_at_once());
    EXPECT_FALSE(identify(guard.settlement()));
  }
  books.next(PdiCall::identify, silent_at_once());
  EXPECT_EQ(identify(guard.tills()).error().outcome, Outcome::unavailable) << "the fifth in a row opens it";
  EXPECT_EQ(guard.state(), BreakerState::open);
}

TEST_F(Guarding, NothingIsSentAfterTheDeadline) {
  const auto reply =
      test::run_task(world, guard.tills().status(ProviderSessionId("s"), world.clock().mono_now()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::not_tried);
  EXPECT_EQ(books.sent(PdiCall::status), 0u);
}

TEST_F(Guarding, TillsAreTurnedAwayAtOnceWhileItIsOpen) {
  open();
  EXPECT_EQ(changes, std::vector<std::string>{"OPEN"});
  const auto sent = identified();
  const MonoTime asked = time.mono;
  const auto reply = identify(guard.tills());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::not_tried);
  EXPECT_FALSE(reply.error().may_have_been_sent);
  EXPECT_TRUE(reply.error().error.retry_after.has_value());
  EXPECT_EQ(identified(), sent);
  EXPECT_EQ(time.mono, asked);
}

TEST_F(Guarding, SettlementProbesAndTillsComeBackWhenAllProbesWentWell) {
  open();
  books.otherwise(nullptr);
  to_half_open();
  EXPECT_FALSE(identify(guard.tills())) << "not before it is closed";
  for (int i = 0; i < 3; ++i) {
    const auto probe = status(guard.settlement());
    ASSERT_FALSE(probe);
    EXPECT_EQ(probe.error().outcome, Outcome::rejected) << "a 404 is an answer";
  }
  EXPECT_TRUE(guard.is_closed());
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(changes, (std::vector<std::string>{"OPEN", "HALF_OPEN", "CLOSED"}));
}

TEST_F(Guarding, APatientPdiClosesTheGateForAll) {
  books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(Outcome::rate_limited, seconds{7})});
  EXPECT_FALSE(identify(guard.tills()));
  EXPECT_TRUE(guard.is_closed()) << "a 429 is no failure";
  EXPECT_EQ(identify(guard.tills()).error().outcome, Outcome::not_tried);
  EXPECT_EQ(identify(guard.settlement()).error().outcome, Outcome::not_tried);
  EXPECT_GE(guard.open_at(), time.mono + seconds{7});
  EXPECT_LE(guard.open_at(), time.mono + Millis{8400}) << "up to a fifth later";
  pass(std::chrono::ceil<Millis>(guard.open_at() - time.mono));
  EXPECT_TRUE(identify(guard.tills()));
}

TEST_F(Guarding, AnImpatientTooManyRequestsClosesTheGateForASecond) {
  books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(Outcome::rate_limited)});
  EXPECT_FALSE(identify(guard.settlement()));
  EXPECT_GE(guard.open_at(), time.mono + seconds{1});
  EXPECT_LE(guard.open_at(), time.mono + Millis{1200});
}

TEST_F(Guarding, AProbeThatIsAskedForPatienceIsNoProbe) {
  open();
  books.otherwise(nullptr);
  to_half_open();
  books.next(PdiCall::status, {.refuse_to_send = test::pdi_not_sent(Outcome::rate_limited, seconds{2})});
  EXPECT_EQ(status(guard.settlement()).error().outcome, Outcome::rate_limited);
  EXPECT_EQ(guard.state(), BreakerState::half_open);
  EXPECT_EQ(status(guard.settlement()).error().outcome, Outcome::not_tried);
  pass(Millis{2400});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(status(guard.settlement()));
  EXPECT_TRUE(guard.is_closed());
}

TEST_F(Guarding, WhatDoesNotConcernPdiIsNoFailure) {
  for (const Outcome outcome :
       {Outcome::not_tried, Outcome::no_token, Outcome::cancelled, Outcome::forbidden}) {
    for (int i = 0; i < 20; ++i) {
      books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(outcome)});
      EXPECT_FALSE(identify(guard.tills()));
    }
  }
  EXPECT_TRUE(guard.is_closed());
}

TEST_F(Guarding, ATokenThatPdiKeepsRefusingIsAFailure) {
  for (int i = 0; i < 5; ++i) {
    books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(Outcome::unauthorized)});
    EXPECT_FALSE(identify(guard.tills()));
  }
  EXPECT_EQ(guard.state(), BreakerState::open);
}

TEST_F(Guarding, SlowAnswersOpenItToo) {
  books.otherwise([](PdiCall) { return PdiFault{.there = Millis{2000}, .back = Millis{2000}}; });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(guard.state(), BreakerState::open);
}

TEST_F(Guarding, RetriesStayUnderAFifthOfTheCalls) {
  std::size_t calls = 0;
  books.otherwise([&](PdiCall) {
    // One try in three fails, so that the breaker stays closed with retries.
    return ++calls % 3 == 0 ? silent_at_once() : PdiFault{};
  });
  for (int i = 0; i < 1000; ++i) (void)identify(guard.tills());
  ASSERT_TRUE(guard.is_closed());
  EXPECT_GT(calls, 1150u);
  EXPECT_LE(calls, 1200u);
}

TEST_F(Guarding, AnOperatorTurnsPdiOffAndOn) {
  guard.force_open();
  EXPECT_EQ(identify(guard.settlement()).error().outcome, Outcome::not_tried);
  pass(hours{1});
  EXPECT_GT(guard.open_at(), time.mono) << "never at once";
  EXPECT_LE(guard.open_at(), time.mono + seconds{1}) << "but whoever waits looks again soon";
  guard.automatic();
  EXPECT_LE(guard.open_at(), time.mono);
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(changes, (std::vector<std::string>{"FORCED_OPEN", "CLOSED"}));
}

TEST_F(Guarding, TheWallClockMeansNothing) {
  open();
  const MonoTime open_at = guard.open_at();
  time.wall += days{3650};
  EXPECT_EQ(guard.open_at(), open_at);
  EXPECT_EQ(guard.state(), BreakerState::open);
  time.wall -= days{7300};
  to_half_open();
}

/// Waits for PDI for ever.
class Held final : public Pdi {
 public:
  Task<Reply<Identified>> identify(IdentifyCall, MonoTime) override { return hold<Identified>(); }
  Task<Reply<Rewards>> calculate(CalculateCall, MonoTime) override { return hold<Rewards>(); }
  Task<Reply<Finalized>> finalize(FinalizeCall, MonoTime) override { return hold<Finalized>(); }
  Task<Reply<SessionStatus>> status(StatusCall, MonoTime) override { return hold<SessionStatus>(); }

  std::size_t calls = 0;
  bool lets_go = false;  ///< Fails from then on.

 private:
  template <class T>
  Task<Reply<T>> hold() {
    ++calls;
    if (!lets_go) co_await std::make_shared<net::Signal>()->wait();
    co_return std::unexpected(test::pdi_silent());
  }
};

class GuardOfHeldCalls : public testing::Test {
 protected:
  static Task<void> ask(Pdi& by, MonoTime deadline, std::shared_ptr<std::vector<Outcome>> ended) {
    const auto reply = co_await by.status(ProviderSessionId("s"), deadline);
    ended->push_back(reply.error().outcome);
  }
  /// Starts that many of settlement's calls in a world that `doomed` is.
  void start(test::SimWorld& doomed, int count) {
    for (int i = 0; i < count; ++i) doomed.spawn(ask(guard.settlement(), time.mono + seconds{3}, ended));
    while (doomed.run_ready()) {
    }
  }

  test::VirtualTime time;
  test::SimWorld world{time};
  Held pdi;
  SeededRng rng{3};
  Guard guard{pdi, world.clock(), rng, {.breaker = {.consecutive_failures = 1}}};
  std::shared_ptr<std::vector<Outcome>> ended = std::make_shared<std::vector<Outcome>>();
};

TEST_F(GuardOfHeldCalls, SettlementHasFourPlacesAndTillsNeedNone) {
  test::SimWorld doomed{time};
  start(doomed, 5);
  EXPECT_EQ(pdi.calls, 4u);
  EXPECT_EQ(*ended, std::vector<Outcome>{Outcome::not_tried});
  doomed.spawn(ask(guard.tills(), time.mono + seconds{3}, ended));
  while (doomed.run_ready()) {
  }
  EXPECT_EQ(pdi.calls, 5u);
}

TEST_F(GuardOfHeldCalls, DestroyedFlowsGiveTheirPlacesBack) {
  for (int i = 0; i < 3; ++i) {
    test::SimWorld doomed{time};
    start(doomed, 4);
  }
  EXPECT_EQ(pdi.calls, 12u);
  EXPECT_TRUE(guard.is_closed());
}

TEST_F(GuardOfHeldCalls, DestroyedProbesGiveTheirPermitBack) {
  pdi.lets_go = true;
  start(world, 1);
  ASSERT_EQ(guard.state(), BreakerState::open);
  time.mono = guard.open_at();
  pdi.lets_go = false;
  for (int i = 0; i < 10; ++i) {
    test::SimWorld doomed{time};
    start(doomed, 2);
  }
  EXPECT_EQ(pdi.calls, 11u) << "one probe at a time, and one each time";
  EXPECT_EQ(guard.state(), BreakerState::half_open);
}

TEST_F(GuardOfHeldCalls, FlowsMayOutliveTheGuard) {
  test::SimWorld doomed{time};
  {
    Guard brief{pdi, world.clock(), rng, {}};
    doomed.spawn(ask(brief.settlement(), time.mono + seconds{3}, ended));
    while (doomed.run_ready()) {
    }
  }
  EXPECT_EQ(pdi.calls, 1u);
}

}  // namespace
}  // namespace perkline::pdi
