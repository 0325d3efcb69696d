#include <gtest/gtest.h>

#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

class TillFlows : public ::testing::Test {
 protected:
  Session stored() { return life.stored(till.session); }
  void identified() { till.session = life.identify(till); }
  void calculated() {
    identified();
    ASSERT_TRUE(life.calculate(till));
  }
  void finalized() {
    calculated();
    ASSERT_TRUE(life.finalize(till));
  }

  Outside outside;
  Life life{outside};
  Till till;
};

// ---- the worked example of the contract

TEST_F(TillFlows, TheWorkedExampleGivesTheContractsFigures) {
  const auto opened = life.run(life.flows.identify(till.identify_request()));
  ASSERT_TRUE(opened);
  till.session = session_id_in(opened->body);
  const std::string id = till.session.str();
  EXPECT_EQ(opened->body, R"({"sessionId":")" + id +
                              R"(","status":"active","customerName":"John Doe","currentPoints":5000,)"
                              R"("tier":"Gold","mode":"online"})");
  EXPECT_EQ(life.calculate(till)->body,
            R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,)"
            R"("breakdown":{"basePoints":300,"tierBonus":150},"redeemable":{"maxPoints":5000}})");
  EXPECT_EQ(life.finalize(till)->body,
            R"({"sessionId":")" + id +
                R"(","status":"finalized","earnedPoints":450,"redeemedPoints":0,"newBalance":5450,)"
                R"("receiptId":"RCP-1","receiptLines":["Points earned: 450","Points redeemed: 0",)"
                R"("New balance: 5450"],"mode":"online"})");
  EXPECT_EQ(life.run(life.flows.status(till.session))->body,
            R"({"sessionId":")" + id +
                R"(","status":"finalized","customerId":"CUST-12345","transactionId":"TXN-67890",)"
                R"("earnedPoints":450,"redeemedPoints":0,"newBalance":5450,"receiptId":"RCP-1","version":4,)"
                R"("mode":"online","createdAt":"2026-03-01T00:00:00.010Z",)"
                R"("expiresAt":"2026-03-02T00:00:00.010Z","finalizedAt":"2026-03-01T00:00:00.030Z"})");
}

TEST_F(TillFlows, AFinishedSaleIsOneEventWithAllTheHubNeeds) {
  finalized();
  const auto events = life.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].traceparent, till.traceparent);
  EXPECT_EQ(std::get<sync::SaleFinalized>(events[0].payload),
            (sync::SaleFinalized{.session = till.session,
                                 .transaction = TransactionId("TXN-67890"),
                                 .customer = CustomerId("CUST-12345"),
                                 .channel = ChannelId("POS-001"),
                                 .amount = Money{15000, usd()},
                                 .earned = Points{450},
                                 .redeemed = Points{0},
                                 .new_balance = Points{5450},
                                 .tier = "Gold",
                                 .receipt = ReceiptId("RCP-1"),
                                 .rules_version = "",
                                 .finalized_at = *stored().finalized_at}));
}

// ---- identify

TEST_F(TillFlows, IdentifyAgainGivesTheSameBytesAndAsksPdiOnce) {
  const auto first = life.run(life.flows.identify(till.identify_request()));
  const auto again = life.run(life.flows.identify(till.identify_request()));
  ASSERT_TRUE(first && again);
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->body, first->body);
  EXPECT_EQ(outside.pdi.sent(PdiCall::identify), 1u);
}

TEST_F(TillFlows, IdentifyWithAnotherMemberOrTillIsReuse) {
  identified();
  Till other = till;
  other.customer = CustomerId("CUST-00001");
  EXPECT_EQ(life.run(life.flows.identify(other.identify_request())).error().code, Errc::transaction_reused);
  other = till;
  other.channel = ChannelId("POS-002");
  EXPECT_EQ(life.run(life.flows.identify(other.identify_request())).error().code, Errc::transaction_reused);
}

TEST_F(TillFlows, TwoIdentifiesAtOnceOpenOneSession) {
  const auto answers = life.run_both(life.flows.identify(till.identify_request()),
                                     life.flows.identify(till.identify_request()));
  ASSERT_TRUE(answers.first && answers.second);
  EXPECT_EQ(answers.first->body, answers.second->body);
  EXPECT_EQ(outside.pdi.sessions(), 1u);
}

TEST_F(TillFlows, ABlockedMemberIsRefusedInPdisWords) {
  till.customer = CustomerId("CUST-00001");
  const auto refused = life.run(life.flows.identify(till.identify_request()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::pdi_rejected);
  EXPECT_EQ(refused.error().provider->code, "BLOCKED");
  outside.pdi.add({.id = till.customer, .name = "Jane Roe", .tier = "Base", .balance = Points{0}});
  EXPECT_TRUE(life.run(life.flows.identify(till.identify_request()))) << "a refusal opens no session";
}

TEST_F(TillFlows, WithoutPdiIdentifyIsUnavailableForNow) {
  outside.pdi.next(PdiCall::identify, {.lose_answer = true});
  const auto failed = life.run(life.flows.identify(till.identify_request()));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::pdi_unavailable);
  EXPECT_TRUE(failed.error().retry_after.has_value());
  EXPECT_TRUE(life.run(life.flows.identify(till.identify_request())));
}

// ---- calculateRewards

TEST_F(TillFlows, CalculateAgainGivesTheSameBytesWithoutAskingPdi) {
  calculated();
  const auto first = life.calculate(till);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->replayed);
  EXPECT_EQ(first->body, stored().calculate_answer->body);
  EXPECT_EQ(outside.pdi.sent(PdiCall::calculate), 1u);
}

TEST_F(TillFlows, AnotherBasketIsPricedAnewAndIsTheOneKept) {
  calculated();
  till.amount = Money{1000, usd()};
  const auto anew = life.calculate(till);
  ASSERT_TRUE(anew);
  EXPECT_FALSE(anew->replayed);
  EXPECT_EQ(stored().earned, Points{30});
  EXPECT_EQ(stored().version, 3u);
  EXPECT_TRUE(life.calculate(till)->replayed);
}

TEST_F(TillFlows, TheSameBasketReplaysAfterTheEndAndAnotherDoesNot) {
  finalized();
  const auto same = life.calculate(till);
  ASSERT_TRUE(same);
  EXPECT_TRUE(same->replayed);
  till.amount = Money{1, usd()};
  EXPECT_EQ(life.calculate(till).error().code, Errc::session_state);
}

TEST_F(TillFlows, AnUnknownSessionIsNotFoundEverywhere) {
  till.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(life.calculate(till).error().code, Errc::not_found);
  EXPECT_EQ(life.finalize(till).error().code, Errc::not_found);
  EXPECT_EQ(life.run(life.flows.status(till.session)).error().code, Errc::not_found);
}

TEST_F(TillFlows, WithoutPdiCalculateLeavesTheSessionAsItWas) {
  identified();
  const Session before = stored();
  outside.pdi.next(PdiCall::calculate,
                   {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::rate_limited, seconds{7})});
  const auto failed = life.calculate(till);
  EXPECT_EQ(failed.error().code, Errc::pdi_unavailable);
  EXPECT_EQ(failed.error().retry_after, seconds{7});
  EXPECT_EQ(stored(), before);
}

// ---- finalize: what is asked

TEST_F(TillFlows, FinalizeBeforeCalculateIsOutOfOrder) {
  identified();
  EXPECT_EQ(life.finalize(till).error().code, Errc::session_state);
}

TEST_F(TillFlows, FinalizeAgainGivesTheSameBytesAndBooksOnce) {
  calculated();
  const auto first = life.finalize(till);
  const auto again = life.finalize(till);
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->body, first->body);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(life.events().size(), 1u);
}

TEST_F(TillFlows, FinalizeWithAnotherBodyIsReuse) {
  finalized();
  till.redeem = Points{1};
  EXPECT_EQ(life.finalize(till).error().code, Errc::transaction_reused);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(TillFlows, FinalizeMustNameTheSessionsOwnTransaction) {
  calculated();
  Till other = till;
  other.transaction = TransactionId("TXN-1");
  const auto unknown = life.finalize(other);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::validation_failed);
  ASSERT_EQ(unknown.error().faults.size(), 1u);
  EXPECT_EQ(unknown.error().faults[0].field, "transactionId");

  ASSERT_FALSE(life.identify(other).empty());
  EXPECT_EQ(life.finalize(other).error().code, Errc::transaction_reused);
  EXPECT_EQ(stored().status, Status::calculated);
}

TEST_F(TillFlows, RedeemingMoreThanTheMemberHasIsRefusedHere) {
  calculated();
  till.redeem = Points{5001};
  EXPECT_EQ(life.finalize(till).error().code, Errc::redemption_limit);
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 0u);
  till.redeem = Points{5000};
  ASSERT_TRUE(life.finalize(till));
  EXPECT_EQ(stored().redeemed, Points{5000});
  EXPECT_EQ(stored().new_balance, Points{450});
}

TEST_F(TillFlows, DeclinedRewardsEarnNothing) {
  calculated();
  till.apply_rewards = false;
  ASSERT_TRUE(life.finalize(till));
  EXPECT_EQ(stored().earned, Points{0});
  EXPECT_EQ(stored().status, Status::finalized);
}

// ---- age

TEST_F(TillFlows, ASessionPastItsTimeIsExpiredWhenTouched) {
  calculated();
  outside.time.mono += hours{24};
  outside.time.wall += hours{24};
  EXPECT_EQ(life.finalize(till).error().code, Errc::session_state);
  EXPECT_EQ(stored().status, Status::expired);
  EXPECT_TRUE(life.calculate(till)->replayed) << "the same basket replays in any state";
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 0u);
}

TEST_F(TillFlows, StatusTellsExpiredToo) {
  identified();
  outside.time.mono += hours{24};
  outside.time.wall += hours{24};
  const auto told = life.run(life.flows.status(till.session));
  ASSERT_TRUE(told);
  EXPECT_NE(told->body.find(R"("status":"expired")"), std::string::npos);
  EXPECT_EQ(stored().version, 2u);
}

TEST_F(TillFlows, AJumpOfTheClockExpiresNothing) {
  calculated();
  outside.time.wall += hours{24 * 3650};
  EXPECT_TRUE(life.finalize(till));
}

// ---- finalize: what PDI does

TEST_F(TillFlows, ARefusalIsTheEndAndIsToldAgain) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  const auto refused = life.finalize(till);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_NE(refused->body.find(R"("code":"PDI_REJECTED")"), std::string::npos);
  EXPECT_NE(refused->body.find(R"("pdi":{"code":"CARD_EXPIRED","message":"the card has expired"})"),
            std::string::npos);
  EXPECT_EQ(stored().status, Status::failed);
  EXPECT_EQ(stored().refusal->code, "CARD_EXPIRED");
  const auto again = life.finalize(till);
  EXPECT_EQ(again->body, refused->body);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 1u);
  EXPECT_TRUE(life.events().empty());
  EXPECT_TRUE(life.store.waiting_count() == 0);
}

class NotSent : public TillFlows, public ::testing::WithParamInterface<pdi::Outcome> {};

TEST_P(NotSent, LeavesTheSaleToBeTriedAgain) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.refuse_to_send = test::pdi_not_sent(GetParam())});
  const auto failed = life.finalize(till);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::pdi_unavailable);
  EXPECT_TRUE(failed.error().retry_after.has_value());
  EXPECT_EQ(stored().status, Status::calculated);
  EXPECT_EQ(life.queue.depth(), 0u);
  EXPECT_TRUE(life.store.waiting_count() == 0);
  till.final_amount = Money{14000, usd()};
  ASSERT_TRUE(life.finalize(till)) << "even with another amount";
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Outcomes, NotSent,
                         ::testing::Values(pdi::Outcome::rate_limited, pdi::Outcome::unauthorized,
                                           pdi::Outcome::forbidden, pdi::Outcome::not_tried,
                                           pdi::Outcome::unavailable));

TEST_F(TillFlows, NoWordMakesTheSalePending) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.lose_answer = true});
  const auto pending = life.finalize(till);
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->status, 202);
  EXPECT_NE(pending->body.find(R"("status":"pending")"), std::string::npos);
  EXPECT_NE(pending->body.find(R"("provisional":true)"), std::string::npos);
  EXPECT_EQ(stored().status, Status::in_doubt);
  EXPECT_EQ(life.queue.depth(), 1u);
  EXPECT_EQ(life.finalize(till)->body, pending->body) << "asked again while it is open";
  till.final_amount = Money{1, usd()};
  EXPECT_EQ(life.finalize(till).error().code, Errc::transaction_reused);
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 1u);
}

TEST_F(TillFlows, TheIntentIsDurableBeforePdiIsCalled) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{3}});
  life.start(life.flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life.world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  EXPECT_EQ(stored().status, Status::finalizing);
  EXPECT_FALSE(stored().provider_session.empty());
  EXPECT_EQ(life.store.waiting_count(), 1u);
}

// ---- calls of one session run one after another

TEST_F(TillFlows, ACallBehindASlowOneIsToldToComeBack) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{3}, .back = seconds{3}});
  const auto answers = life.run_both(life.flows.finalize(till.finalize_request(), till.traceparent),
                                     life.flows.finalize(till.finalize_request(), till.traceparent));
  EXPECT_TRUE(answers.first);
  ASSERT_FALSE(answers.second);
  EXPECT_EQ(answers.second.error().code, Errc::session_busy);
  EXPECT_EQ(answers.second.error().retry_after, seconds{1});
}

TEST_F(TillFlows, ACallBehindAQuickOneGetsItsTurn) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = Millis{900}, .back = Millis{900}});
  const auto answers = life.run_both(life.flows.finalize(till.finalize_request(), till.traceparent),
                                     life.flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(answers.first && answers.second);
  EXPECT_EQ(answers.first->body, answers.second->body);
  EXPECT_TRUE(answers.second->replayed);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(TillFlows, StatusWaitsForNobody) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{3}, .back = seconds{3}});
  life.start(life.flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life.world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  const MonoTime asked = outside.time.mono;
  const auto told = life.run(life.flows.status(till.session));
  ASSERT_TRUE(told);
  EXPECT_NE(told->body.find(R"("status":"finalizing")"), std::string::npos);
  EXPECT_EQ(outside.time.mono, asked);
}

}  // namespace
}  // namespace perkline::edge::session
