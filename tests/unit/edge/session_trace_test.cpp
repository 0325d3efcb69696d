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

TEST(SaleLog, TellsWhatATillOrTheHubHearsOf) {
  EXPECT_EQ(what_became(Status::finalizing, becoming(Status::finalized, sale())), "sale finalized");
  EXPECT_EQ(what_became(Status::in_doubt, becoming(Status::finalized, sync::SaleSettled{sale()})),
            "sale settled");
  EXPECT_EQ(what_became(Status::calculated, becoming(Status::queued, pending())), "sale pending");
  EXPECT_EQ(what_became(Status::review, becoming(Status::failed, rejected())), "sale rejected");
  EXPECT_EQ(what_became(Status::finalizing, becoming(Status::failed, std::nullopt)), "sale refused");
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
