#include "pdi_client/guard.hpp"

#include <gtest/gtest.h>

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

TEST_F(Guarding, ATillsCallIsTriedTwiceAndSettlementsOnce) {
  books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(Outcome::unavailable)});
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(identified(), 1u) << "the first did not leave";
  books.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(Outcome::unavailable)});
  EXPECT_FALSE(identify(guard.settlement()));
}

TEST_F(Guarding, NothingIsTriedTwiceAfterTheDeadline) {
  out();
  EXPECT_FALSE(identify(guard.tills()));
  EXPECT_EQ(identified(), 1u);
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
  pass(std::chrono::ceil<Millis>(guard.open_at() - time.mono));
  EXPECT_EQ(guard.state(), BreakerState::half_open);
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
  EXPECT_EQ(guard.open_at(), time.mono + seconds{7});
  pass(seconds{7});
  EXPECT_TRUE(identify(guard.tills()));
}

TEST_F(Guarding, WhatDoesNotConcernPdiIsNoFailure) {
  for (const Outcome outcome : {Outcome::not_tried, Outcome::no_token, Outcome::forbidden}) {
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
    // Every other try fails, so that the breaker stays closed with retries.
    return ++calls % 3 == 0 ? PdiFault{.refuse_to_send = test::pdi_not_sent(Outcome::unavailable)}
                            : PdiFault{};
  });
  for (int i = 0; i < 1000; ++i) (void)identify(guard.tills());
  ASSERT_TRUE(guard.is_closed());
  EXPECT_GT(calls, 1100u);
  // retries ≤ (1000 + retries) / 5 + the ten saved up
  EXPECT_LE(calls, 1262u);
}

TEST_F(Guarding, AnOperatorTurnsPdiOffAndOn) {
  guard.force_open();
  EXPECT_EQ(identify(guard.settlement()).error().outcome, Outcome::not_tried);
  EXPECT_EQ(guard.open_at(), MonoTime::max());
  guard.automatic();
  EXPECT_TRUE(identify(guard.tills()));
  EXPECT_EQ(changes, (std::vector<std::string>{"FORCED_OPEN", "CLOSED"}));
}

}  // namespace
}  // namespace perkline::pdi
