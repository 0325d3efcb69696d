#include <gtest/gtest.h>

#include "edge/session/sale_log.hpp"
#include "shared/ops/trace.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

/// One sale is one trace, whatever happens in between.
class Traced : public ::testing::Test {
 protected:
  void priced() {
    const auto answer = life->run(life->flows.identify(till.identify_request(), till.traceparent));
    ASSERT_TRUE(answer);
    till.session = session_id_in(answer->body);
    ASSERT_TRUE(life->run(life->flows.calculate_rewards(till.calculate_request(), till.traceparent)));
  }
  void restart() {
    life.reset();
    life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}});
  }
  std::string_view traced(PdiCall call) { return ops::trace_id_of(outside.pdi.trace(call)); }
  std::string_view trace() const { return ops::trace_id_of(till.traceparent); }

  Outside outside;
  std::unique_ptr<Life> life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}});
  Till till;
};

TEST_F(Traced, TheTillsTraceGoesToPdiAndIntoTheEvent) {
  priced();
  ASSERT_EQ(life->finalize(till)->status, 200);
  for (const PdiCall call : {PdiCall::identify, PdiCall::calculate, PdiCall::finalize})
    EXPECT_EQ(traced(call), trace());
  const auto events = life->events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(ops::trace_id_of(events[0].traceparent), trace());
}

TEST_F(Traced, SettlementHoursAndARestartLaterContinuesIt) {
  outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  priced();
  ASSERT_EQ(life->finalize(till)->status, 202);
  life->world->run_until([] { return false; }, hours{3});
  restart();
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->stored(till.session).status, Status::finalized);
  for (const PdiCall call : {PdiCall::identify, PdiCall::calculate, PdiCall::finalize})
    EXPECT_EQ(traced(call), trace());
  const auto events = life->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(type_name(events[1].payload), "SaleSettled");
  for (const sync::Event& event : events) EXPECT_EQ(ops::trace_id_of(event.traceparent), trace());
}

TEST_F(Traced, SoDoTheQuestionsAboutAFinalizeInDoubt) {
  priced();
  outside.pdi.next(PdiCall::finalize, {.lose_answer = true});
  ASSERT_EQ(life->finalize(till)->status, 202);
  EXPECT_EQ(traced(PdiCall::status), "");
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(traced(PdiCall::status), trace());
}

TEST_F(Traced, EventsOfAVoidAndOfReturnsBelongToTheTraceOfTheirCall) {
  priced();
  ASSERT_EQ(life->finalize(till)->status, 200);
  const std::string back = "00-11111111111111111111111111111111-00f067aa0ba902b7-01";
  ASSERT_TRUE(life->run(life->flows.return_goods(
      {.original_transaction = till.transaction, .transaction = TransactionId("R-1"), .amount = {100, usd()}},
      back)));
  const std::string elsewhere = "00-22222222222222222222222222222222-00f067aa0ba902b7-01";
  ASSERT_TRUE(life->run(life->flows.return_goods({.original_transaction = TransactionId("T-9"),
                                                  .transaction = TransactionId("R-2"),
                                                  .amount = {100, usd()},
                                                  .original_store = StoreId("store-2")},
                                                 elsewhere)));
  till.transaction = TransactionId("TXN-left");
  priced();
  const std::string left = "00-33333333333333333333333333333333-00f067aa0ba902b7-01";
  ASSERT_TRUE(life->run(life->flows.void_session({.session = till.session, .reason = "left"}, left)));

  const auto events = life->events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1].traceparent, back);
  EXPECT_EQ(events[2].traceparent, elsewhere);
  EXPECT_EQ(type_name(events[3].payload), "SessionVoided");
  EXPECT_EQ(events[3].traceparent, left);
}

TEST_F(Traced, AnEventOfNoCallGetsATraceOfItsOwn) {
  const auto event = new_event(life->ports, "", sync::ReconcileDifference{});
  EXPECT_TRUE(ops::is_traceparent(event.traceparent)) << event.traceparent;
  EXPECT_NE(new_event(life->ports, "", sync::ReconcileDifference{}).traceparent, event.traceparent);
  EXPECT_EQ(new_event(life->ports, till.traceparent, sync::ReconcileDifference{}).traceparent,
            till.traceparent);
}

// ---- what the log tells

Outcome becoming(Status status, std::optional<sync::EventPayload> event) {
  Session session{.currency = usd()};
  session.status = status;
  return {.session = std::move(session), .event = std::move(event)};
}

sync::SaleFinalized sale() {
  return {.session = {},
          .transaction = {},
          .customer = {},
          .channel = {},
          .amount = {.minor = 1, .currency = usd()},
          .earned = {},
          .redeemed = {},
          .new_balance = {},
          .tier = {},
          .receipt = {},
          .rules_version = {},
          .finalized_at = {}};
}
sync::SalePending pending() {
  return {.session = {},
          .transaction = {},
          .customer = {},
          .channel = {},
          .amount = sale().amount,
          .earned = {},
          .redeemed = {},
          .tier = {},
          .receipt = {},
          .rules_version = {},
          .pending_at = {}};
}

sync::SaleRejected rejected() {
  return {.session = {}, .transaction = {}, .customer = {}, .pdi_code = {}, .reason = {}, .rejected_at = {}};
}

sync::SaleReturned returned() {
  return {.id = {},
          .transaction = {},
          .original_transaction = {},
          .original_store = {},
          .session = {},
          .customer = {},
          .amount = sale().amount,
          .figures = {},
          .returned_at = {}};
}

sync::SessionVoided abandonment() {
  return {.session = {}, .transaction = {}, .customer = {}, .channel = {}, .reason = {}, .voided_at = {}};
}

TEST(SaleLog, TellsWhatATillOrTheHubHearsOf) {
  EXPECT_EQ(what_became(Status::finalizing, becoming(Status::finalized, sale())), "sale finalized");
  EXPECT_EQ(what_became(Status::in_doubt, becoming(Status::finalized, sync::SaleSettled{sale()})),
            "sale settled");
  EXPECT_EQ(what_became(Status::calculated, becoming(Status::queued, pending())), "sale pending");
  EXPECT_EQ(what_became(Status::review, becoming(Status::failed, rejected())), "sale rejected");
  EXPECT_EQ(what_became(Status::finalizing, becoming(Status::failed, std::nullopt)), "sale refused");
  EXPECT_EQ(what_became(Status::finalized, becoming(Status::finalized, returned())), "goods returned");
  EXPECT_EQ(what_became(Status::queued, becoming(Status::queued, returned())), "goods returned");
  EXPECT_EQ(what_became(Status::active, becoming(Status::voided, abandonment())), "session voided");
  EXPECT_EQ(what_became(Status::calculated, becoming(Status::expired, std::nullopt)), "session expired");
}

TEST(SaleLog, TellsOfNothingElse) {
  EXPECT_EQ(what_became(Status::active, becoming(Status::calculated, std::nullopt)), "");
  EXPECT_EQ(what_became(Status::calculated, becoming(Status::finalizing, std::nullopt)), "");
  EXPECT_EQ(what_became(Status::failed, becoming(Status::failed, std::nullopt)), "");
}

TEST(SaleLog, CountsFromWhenTheTillAsked) {
  Session session{.currency = usd()};
  EXPECT_FALSE(asked_at(session));
  session.next_attempt_at = WallTime{seconds{7}};
  EXPECT_EQ(asked_at(session), WallTime{seconds{7}});
  session.pending_at = WallTime{seconds{3}};
  EXPECT_EQ(asked_at(session), WallTime{seconds{3}}) << "however often it was tried since";
}

}  // namespace
}  // namespace perkline::edge::session
