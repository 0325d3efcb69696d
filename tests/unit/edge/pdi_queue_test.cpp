#include "tests/unit/edge/pdi_queue_subject.hpp"

namespace perkline::edge::session {
namespace {

TEST_F(InDoubt, WhatPdiBookedIsAdoptedWithItsFigures) {
  finalize_into({.lose_answer = true});
  ASSERT_TRUE(life->settle());
  EXPECT_LT(since_doubt(), 1.1) << "the first ask is after a second";
  const Session session = life->stored(till.session);
  EXPECT_EQ(session.status, Status::finalized);
  EXPECT_EQ(session.earned, Points{450});
  EXPECT_EQ(session.new_balance, Points{5450});
  EXPECT_EQ(session.receipt, ReceiptId("RCP-1"));
  EXPECT_TRUE(life->store.waiting_count() == 0);
  const auto events = life->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(type_name(events[0].payload), "SalePending");
  EXPECT_EQ(type_name(events[1].payload), "SaleSettled");
  EXPECT_EQ(events[1].traceparent, till.traceparent);
}

TEST_F(InDoubt, TheTillsRetryThenGetsThe200) {
  finalize_into({.lose_answer = true});
  ASSERT_TRUE(life->settle());
  const auto answer = life->finalize(till);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_NE(answer->body.find(R"("newBalance":5450)"), std::string::npos);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(InDoubt, WhatNeverArrivedIsSentAgainAfterTheQuietTimeAndNotBefore) {
  finalize_into({.lose_request = true});
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 2; }));
  EXPECT_GE(since_doubt(), 25.0);
  EXPECT_LT(since_doubt(), 26.0);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(outside.pdi.ledger()[0].transaction, till.transaction);
  EXPECT_EQ(life->stored(till.session).attempts, 2u);
}

TEST_F(InDoubt, AFinalizeThatArrivesLateIsNotDoubled) {
  finalize_into({.there = seconds{25}});  // 15 s after the till was told 503
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 1u);
}

TEST_F(InDoubt, IsSentAgainAtMostFiveTimesAlsoAcrossRestarts) {
  outside.pdi.otherwise([](PdiCall call) { return PdiFault{.lose_request = call == PdiCall::finalize}; });
  finalize_into({.lose_request = true});
  life->world->run_until([] { return false; }, minutes{1});
  ASSERT_LT(outside.pdi.sent(PdiCall::finalize), 6u) << "the restarts come in between";
  for (int i = 0; i < 8; ++i) {
    restart();
    life->world->run_until([&] { return false; }, minutes{5});
  }
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 6u);
  EXPECT_EQ(life->stored(till.session).status, Status::review) << "a person decides";
  EXPECT_EQ(life->store.reviews("", 10)->ids, std::vector{till.session});
}

TEST_F(InDoubt, AResendThatCannotLeaveIsNotCounted) {
  finalize_into({.lose_request = true});
  for (int i = 0; i < 7; ++i) {
    outside.pdi.next(PdiCall::finalize,
                     {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::rate_limited, seconds{30})});
  }
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(life->stored(till.session).attempts, 2u);
}

TEST_F(InDoubt, ARefusedResendDecidesNothing) {
  finalize_into({.lose_request = true});
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CONFLICT", "not now"}});
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->stored(till.session).status, Status::finalized);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(InDoubt, AResendWhoseAnswerIsLostIsFoundByAsking) {
  finalize_into({.lose_request = true});
  outside.pdi.next(PdiCall::finalize, {.lose_answer = true});
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(booked_events(), 1u);
}

TEST_F(InDoubt, StaysInDoubtWhilePdiIsOutAndSettlesWhenItIsBack) {
  bool out = true;
  outside.pdi.otherwise([&](PdiCall) { return PdiFault{.lose_request = out}; });
  till.session = SessionId("");
  out = false;
  finalize_into({.lose_answer = true});
  out = true;
  EXPECT_FALSE(life->world->run_until([&] { return life->queue.depth() == 0; }, hours{3}));
  out = false;
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->stored(till.session).status, Status::finalized);
}

TEST_F(InDoubt, ASessionPdiHasForgottenIsForAPersonAndNeverSentAgain) {
  finalize_into({.lose_request = true});
  outside.pdi.forget(life->stored(till.session).provider_session);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->stored(till.session).status, Status::review);
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 1u);
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 202);
  EXPECT_NE(told->body.find(R"("status":"review")"), std::string::npos);
}

TEST_F(InDoubt, APdiThatTellsNothingForADayIsForAPerson) {
  finalize_into({.lose_request = true});
  outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  ASSERT_FALSE(life->world->run_until([&] { return life->queue.depth() == 0; }, hours{23}));
  ASSERT_TRUE(life->world->run_until([&] { return life->queue.depth() == 0; }, hours{2}));
  EXPECT_EQ(life->stored(till.session).status, Status::review);
}

TEST_F(InDoubt, IsFoundAtTheStartAndTheQuietTimeCountsFromThere) {
  finalize_into({.lose_request = true});
  outside.time.mono += hours{1};
  restart();
  doubt_began = outside.time.mono;
  EXPECT_EQ(life->queue.depth(), 1u);
  ASSERT_TRUE(life->settle());
  EXPECT_GE(since_doubt(), 25.0);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(InDoubt, ATillIsAnsweredAtOnceWhateverTheQueueDoes) {
  finalize_into({.lose_request = true});
  const auto first = life->finalize(till);
  outside.pdi.next(PdiCall::status, {.there = Millis{2800}});
  const std::size_t asked = outside.pdi.sent(PdiCall::status);
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::status) > asked; }));
  const MonoTime now = outside.time.mono;
  const auto again = life->finalize(till);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 202);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->body, first->body);
  EXPECT_EQ(outside.time.mono, now);
}

TEST_F(InDoubt, ADrainLetsTheWorkThatHasBegunFinishAndBeginsNoMore) {
  finalize_into({.lose_answer = true});
  outside.pdi.next(PdiCall::status, {.there = Millis{500}});
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::status) == 1; }));
  const auto drained = [](pdi_queue::PdiQueue& queue, MonoTime deadline) -> Task<bool> {
    co_await queue.drain(deadline);
    co_return true;
  };
  life->run(drained(life->queue, outside.time.mono + seconds{10}));
  EXPECT_EQ(life->stored(till.session).status, Status::finalized);

  till.transaction = TransactionId("TXN-2");
  finalize_into({.lose_answer = true});
  life->world->run_until([] { return false; }, minutes{5});
  EXPECT_EQ(outside.pdi.sent(PdiCall::status), 1u);
  restart();
  ASSERT_TRUE(life->settle()) << "the next start finds it";
  EXPECT_EQ(life->stored(till.session).status, Status::finalized);
}

TEST_F(InDoubt, ManySessionsAreWorkedOnFourAtATimeAndAllSettle) {
  std::size_t open_calls = 0;
  for (int i = 0; i < 30; ++i) {
    Till each;
    each.transaction = TransactionId("TXN-" + std::to_string(i));
    each.session = life->identify(each);
    ASSERT_TRUE(life->calculate(each));
    outside.pdi.next(PdiCall::finalize, {.there = Millis{1}, .lose_answer = true});
    life->start(life->flows.finalize(each.finalize_request(), each.traceparent));
    ++open_calls;
  }
  ASSERT_TRUE(life->world->run_until([&] { return life->queue.depth() == open_calls; }));
  restart();
  ASSERT_EQ(life->queue.depth(), open_calls);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), open_calls);
  EXPECT_EQ(booked_events(), open_calls);
}

// ---- how often

class Patience : public InDoubt {
 protected:
  /// Waits in the queue, PDI having been away, which it is no more.
  void queued() {
    life.reset();
    life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}, .may_retry = [this] {
                                                         ++asked;
                                                         return leave;
                                                       }});
    outside.pdi.otherwise([this](PdiCall) { return out ? PdiFault{.refuse_to_send = failure} : PdiFault{}; });
    till.session = life->identify(till);
    ASSERT_TRUE(life->calculate(till));
    ASSERT_EQ(life->finalize(till)->status, 202);
  }
  void pass(Millis time) {
    life->world->run_until([] { return false; }, time);
  }

  pdi::Failure failure = test::pdi_not_sent(pdi::Outcome::unavailable);
  bool out = true;
  bool leave = false;
  int asked = 0;
};

TEST_F(Patience, ASecondAttemptNeedsLeaveAndAFirstDoesNot) {
  queued();
  pass(minutes{1});
  EXPECT_GT(asked, 10) << "it has failed once, and asks for leave again and again";
  out = false;
  pass(minutes{1});
  EXPECT_EQ(outside.pdi.ledger().size(), 0u) << "and gets none";
  leave = true;
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);

  leave = false;
  out = true;
  till.transaction = TransactionId("TXN-2");
  till.session = life->identify(till);
  ASSERT_TRUE(life->calculate(till));
  out = false;
  const int before = asked;
  ASSERT_EQ(life->finalize(till)->status, 202);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(asked, before) << "the first sends of a queued sale are no retries";
}

TEST_F(Patience, WaitsForAsLongAsPdiAsksAndUpToAFifthMore) {
  failure = test::pdi_not_sent(pdi::Outcome::unavailable, seconds{100});
  leave = true;
  queued();
  pass(seconds{1});
  const MonoTime refused = outside.time.mono - seconds{1};
  out = false;
  ASSERT_TRUE(life->settle());
  const double waited = std::chrono::duration<double>(outside.time.mono - refused).count();
  EXPECT_GE(waited, 100);
  EXPECT_LE(waited, 121.5);
}

TEST_F(Patience, AFinalizeThatPdiPutsOffIsAskedAboutNoEarlier) {
  leave = true;
  queued();
  failure = test::pdi_not_sent(pdi::Outcome::unavailable, seconds{60});
  failure.may_have_been_sent = true;
  MonoTime put_off{};
  outside.pdi.otherwise([&](PdiCall call) {
    if (call != PdiCall::finalize || put_off != MonoTime{}) return PdiFault{};
    put_off = outside.time.mono;
    return PdiFault{.refuse_to_send = failure};
  });
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::status) > 0; }));
  ASSERT_NE(put_off, MonoTime{});
  EXPECT_GE(outside.time.mono - put_off, seconds{60});
  EXPECT_LE(outside.time.mono - put_off, seconds{73});
  ASSERT_TRUE(life->settle());
}

/// What costs no time must not be tried sale after sale: in a long queue nothing else would get its turn.
TEST_F(Patience, WithoutAPlaceForItsCallsTheQueueRestsAsAWhole) {
  leave = true;
  queued();
  for (int i = 0; i < 50; ++i) {
    till.transaction = TransactionId("TXN-more-" + std::to_string(i));
    till.session = life->identify(till);
    ASSERT_TRUE(life->calculate(till));
    ASSERT_EQ(life->finalize(till)->status, 202);
  }
  pass(minutes{6});
  int refused = 0;
  outside.pdi.otherwise([&](PdiCall) {
    ++refused;
    return PdiFault{.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)};
  });
  pass(seconds{10});
  EXPECT_GT(refused, 50);
  EXPECT_LT(refused, 120) << "ten a second, however many wait";
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 51u);
}

TEST_F(Patience, ACallThatWasNotTriedLosesNoSessionOfPdis) {
  leave = true;
  queued();
  outside.pdi.otherwise([&](PdiCall call) {
    if (call != PdiCall::calculate) return PdiFault{};
    return PdiFault{.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)};
  });
  pass(minutes{6});
  const auto opened = outside.pdi.sent(PdiCall::identify);
  EXPECT_GT(opened, 0u);
  pass(minutes{1});
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.sent(PdiCall::identify), opened) << "none for each time";
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(InDoubt, ItsAgeIsCountedFromWhenItsTillAskedHoweverOftenItIsSent) {
  const WallTime asked = outside.time.wall;
  outside.pdi.otherwise([](PdiCall call) { return PdiFault{.lose_request = call == PdiCall::finalize}; });
  finalize_into({.lose_request = true});
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) >= 3; }));
  ASSERT_GT(outside.time.wall - asked, minutes{1});
  const auto oldest = life->store.waiting_since();
  ASSERT_TRUE(oldest && *oldest);
  EXPECT_GE(**oldest, asked);
  EXPECT_LE(**oldest, *life->stored(till.session).pending_at);
  restart();
  EXPECT_EQ(*life->store.waiting_since(), *oldest);
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life->settle());
  EXPECT_FALSE(*life->store.waiting_since());
}

// ---- oldest first

TEST(Settlement, TheOldestGoesFirstOnceTheBreakerHasClosed) {
  constexpr int count = 12;
  constexpr int probes = 3;  // in the order in which they are due
  Outside outside;
  Life life(outside, {.standin = {.enabled = true}, .breaker = true});
  outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  for (int i = 0; i < count; ++i) {
    Till till;
    till.transaction = TransactionId("SALE-" + std::to_string(10 + i));
    till.session = life.identify(till);
    ASSERT_TRUE(life.calculate(till));
    ASSERT_EQ(life.finalize(till)->status, 202);
  }
  life.world->run_until([] { return false; }, hours{1});
  ASSERT_NE(life.guard.state(), pdi::BreakerState::closed);
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life.settle());

  std::vector<std::string> settled;
  for (const SimBooking& booking : outside.pdi.ledger()) settled.push_back(booking.transaction.str());
  ASSERT_EQ(settled.size(), std::size_t{count});
  EXPECT_TRUE(std::is_sorted(settled.begin() + probes, settled.end())) << ::testing::PrintToString(settled);
}

}  // namespace
}  // namespace perkline::edge::session
