#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

StandIn on() {
  StandIn standin;
  standin.enabled = true;
  standin.limits = {.member_day = Points{300}, .store_day = Points{500}};
  return standin;
}

std::string member(const Answer& answer, std::string_view name) {
  auto document = json::parse(answer.body);
  const json::Value* value = document ? document->root().find(name) : nullptr;
  if (value == nullptr) return "missing";
  return value->is(json::Value::Kind::null) ? "null" : std::string(value->text());
}

class StoodIn : public ::testing::Test {
 protected:
  Session stored() { return life->stored(till.session); }
  Answer identify() {
    auto answer = life->run(life->flows.identify(till.identify_request()));
    EXPECT_TRUE(answer);
    if (!answer) return {};
    till.session = session_id_in(answer->body);
    return std::move(*answer);
  }
  void calculated() {
    identify();
    ASSERT_TRUE(life->calculate(till));
  }
  /// PDI does not answer any more.
  void out() {
    outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  void back() { outside.pdi.otherwise(nullptr); }
  void restart() {
    life.reset();
    life = std::make_unique<Life>(outside, LifeOptions{.standin = on()});
  }
  std::vector<std::string> told_to_hub() {
    std::vector<std::string> types;
    for (const sync::Event& event : life->events()) types.emplace_back(type_name(event.payload));
    return types;
  }
  /// A sale of `redeem` points from first to last, under a transaction of its own.
  Result<Answer> sell(std::optional<std::int64_t> redeem, const std::string& customer = "CUST-12345") {
    till.transaction = TransactionId("TXN-" + std::to_string(++sales));
    till.customer = CustomerId(customer);
    till.redeem = redeem ? std::optional(Points{*redeem}) : std::nullopt;
    calculated();
    return life->finalize(till);
  }

  Outside outside;
  std::unique_ptr<Life> life = std::make_unique<Life>(outside, LifeOptions{.standin = on()});
  Till till;
  int sales = 0;
};

TEST_F(StoodIn, ATillNeverWaitsLongerThanTheDeadline) {
  out();
  const MonoTime asked = outside.time.mono;
  const Answer answer = identify();
  EXPECT_EQ(outside.time.mono - asked, seconds{2});
  EXPECT_EQ(member(answer, "mode"), "standin");
  const MonoTime calculated_at = outside.time.mono;
  ASSERT_TRUE(life->calculate(till));
  ASSERT_TRUE(life->finalize(till));
  EXPECT_EQ(outside.time.mono, calculated_at) << "the stand-in's session asks PDI nothing more";
}

TEST_F(StoodIn, AMemberNeverMetIsServedWithTheBaseTier) {
  out();
  const Answer answer = identify();
  EXPECT_EQ(member(answer, "tier"), "Base");
  EXPECT_EQ(member(answer, "currentPoints"), "0");
  EXPECT_EQ(member(*life->calculate(till), "earnedPoints"), "300");
}

TEST_F(StoodIn, AMemberMetBeforeIsServedAsPdiLastToldOfHim) {
  ASSERT_TRUE(sell(std::nullopt));
  out();
  restart();
  till.transaction = TransactionId("TXN-next");
  const Answer answer = identify();
  EXPECT_EQ(member(answer, "customerName"), "John Doe");
  EXPECT_EQ(member(answer, "tier"), "Gold");
  EXPECT_EQ(member(answer, "currentPoints"), "5450") << "as the sale left it";
  EXPECT_EQ(life->calculate(till)->body,
            R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,)"
            R"("breakdown":{"basePoints":300,"tierBonus":150},"redeemable":{"maxPoints":300}})")
      << "no more than the day's limit";
}

TEST_F(StoodIn, ASaleIsPendingThenSettledWithPdisFigures) {
  out();
  const auto pending = sell(std::nullopt);
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->status, 202);
  EXPECT_EQ(member(*pending, "status"), "pending");
  EXPECT_EQ(member(*pending, "earnedPoints"), "300") << "by the store's word: an unknown member is Base";
  EXPECT_EQ(member(*pending, "newBalance"), "null");
  EXPECT_EQ(life->finalize(till)->body, pending->body);

  back();
  ASSERT_TRUE(life->settle());
  const auto settled = life->finalize(till);
  EXPECT_EQ(settled->status, 200);
  EXPECT_EQ(member(*settled, "earnedPoints"), "450");
  EXPECT_EQ(member(*settled, "newBalance"), "5450");
  EXPECT_EQ(life->finalize(till)->body, settled->body);
  ASSERT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(outside.pdi.ledger()[0].transaction, till.transaction);
  EXPECT_EQ(told_to_hub(), (std::vector<std::string>{"SalePending", "SaleSettled"}));
}

TEST_F(StoodIn, AFinalizeThatIsSlowIsToldPendingAndItsOutcomeComesByEvent) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{1}, .back = seconds{4}});
  const auto pending = life->finalize(till);
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->status, 202);
  EXPECT_EQ(stored().status, Status::finalizing);
  EXPECT_TRUE(stored().acknowledged);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(member(*life->finalize(till), "newBalance"), "5450");
  EXPECT_EQ(outside.pdi.sent(PdiCall::finalize), 1u);
  EXPECT_EQ(told_to_hub(), (std::vector<std::string>{"SalePending", "SaleSettled"}));
}

TEST_F(StoodIn, PdisWordThatFindsTheDiskFullForMinutesIsKeptOnceThereIsRoom) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.back = Millis{2500}});
  life->start(life->flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  outside.disk.sync_time = minutes{5};  // the till's 202 waits for room, and holds the session meanwhile
  const MonoTime full = outside.time.mono;
  ASSERT_TRUE(life->world->run_until([&] { return outside.time.mono > full + seconds{10}; }));
  outside.disk.sync_time = Millis{0};
  ASSERT_TRUE(life->world->run_until([&] { return stored().acknowledged; }));
  EXPECT_TRUE(life->world->run_until([&] { return stored().status == Status::finalized; }, seconds{10}));
  EXPECT_TRUE(life->world->run_until([&] { return life->queue.depth() == 0; }, seconds{10}));
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(StoodIn, AFinalizeThatDidNotLeaveIsQueued) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)});
  EXPECT_EQ(life->finalize(till)->status, 202);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(stored().status, Status::finalized);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
  EXPECT_EQ(stored().attempts, 1u);
}

TEST_F(StoodIn, ALateIdentifyLendsItsSessionToSettlement) {
  outside.pdi.next(PdiCall::identify, {.there = seconds{3}});
  identify();
  life->world->run_until([&] { return !stored().provider_session.empty(); });
  EXPECT_EQ(stored().mode, Mode::standin) << "for good";
  ASSERT_TRUE(life->calculate(till));
  EXPECT_EQ(outside.pdi.sent(PdiCall::calculate), 0u);
  ASSERT_TRUE(life->finalize(till));
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.sessions(), 1u);
  EXPECT_EQ(stored().status, Status::finalized);
}

TEST_F(StoodIn, AnIdentifyThatComesWhileTheSessionIsBeingJournalledLendsItsToo) {
  outside.disk.sync_time = Millis{50};
  outside.pdi.next(PdiCall::identify, {.there = Millis{2005}, .back = Millis{5}});
  EXPECT_EQ(member(identify(), "mode"), "standin");
  ASSERT_TRUE(life->calculate(till));
  EXPECT_FALSE(stored().provider_session.empty());
  ASSERT_TRUE(life->finalize(till));
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.sessions(), 1u) << "settlement had no need of another";
}

TEST_F(StoodIn, ALateCalculateIsDroppedAndTheStandInsPriceStands) {
  identify();
  outside.pdi.next(PdiCall::calculate, {.there = seconds{3}});
  const auto priced = life->calculate(till);
  ASSERT_TRUE(priced);
  EXPECT_EQ(member(*priced, "earnedPoints"), "450") << "by what PDI told at identify";
  life->world->run_until([] { return false; }, seconds{10});
  EXPECT_EQ(life->calculate(till)->body, priced->body);
  EXPECT_EQ(stored().mode, Mode::standin);
}

TEST_F(StoodIn, PdisOwnRefusalStands) {
  till.customer = CustomerId("CUST-00001");
  const auto refused = life->run(life->flows.identify(till.identify_request()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::pdi_rejected);
}

TEST_F(StoodIn, ASaleThatPdiRefusesAfterwardsIsForAPerson) {
  out();
  sell(std::nullopt);
  back();
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(stored().status, Status::review);
  EXPECT_EQ(stored().refusal->code, "CARD_EXPIRED");
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 202);
  EXPECT_EQ(member(*told, "status"), "review");
  ASSERT_TRUE(life->run(life->queue.retry(till.session, "alice")));
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->finalize(till)->status, 200);
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(StoodIn, APersonWhoClosesWhatPdiRefusedTellsTheTillPdisWords) {
  out();
  sell(std::nullopt);
  back();
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  ASSERT_TRUE(life->settle());
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "why", "alice")));
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 400);
  EXPECT_EQ(member(*told, "detail"), "the loyalty provider refuses");
  EXPECT_NE(told->body.find(R"("pdi":{"code":"CARD_EXPIRED","message":"the card has expired"})"),
            std::string::npos);
}

TEST_F(StoodIn, AMemberPdiDoesNotKnowAfterwardsIsForAPersonToo) {
  out();
  sell(std::nullopt, "CUST-NOBODY");
  back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(stored().status, Status::review);
  EXPECT_TRUE(outside.pdi.ledger().empty());
}

TEST_F(StoodIn, ProvisionalPointsAreOfWhatIsPaid) {
  out();
  calculated();
  till.final_amount = Money{10000, usd()};
  EXPECT_EQ(member(*life->finalize(till), "earnedPoints"), "200");
}

TEST_F(StoodIn, DeclinedRewardsArePendingWithNothing) {
  out();
  calculated();
  till.apply_rewards = false;
  EXPECT_EQ(member(*life->finalize(till), "earnedPoints"), "0");
  back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(member(*life->finalize(till), "earnedPoints"), "0");
}

// ---- redeeming without PDI

TEST_F(StoodIn, AMemberRedeemsUpToTheDaysLimitAndNotAPointFurther) {
  ASSERT_TRUE(sell(std::nullopt));
  out();
  ASSERT_TRUE(sell(200));
  const auto over = sell(101);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::redemption_limit);
  EXPECT_EQ(stored().status, Status::calculated) << "nothing is half done";
  ASSERT_TRUE(sell(100));
  restart();
  EXPECT_EQ(sell(1).error().code, Errc::redemption_limit) << "also after a restart";
  outside.time.wall += days{1};
  EXPECT_TRUE(sell(300)) << "tomorrow is another day";
}

TEST_F(StoodIn, TheStoreHasALimitForAllItsMembers) {
  outside.pdi.add({.id = CustomerId("CUST-2"), .name = "B", .tier = "Base", .balance = Points{1000}});
  ASSERT_TRUE(sell(std::nullopt));
  ASSERT_TRUE(sell(std::nullopt, "CUST-2"));
  out();
  ASSERT_TRUE(sell(300));
  EXPECT_EQ(sell(201, "CUST-2").error().code, Errc::redemption_limit);
  EXPECT_TRUE(sell(200, "CUST-2"));
}

TEST_F(StoodIn, NobodyRedeemsMoreThanHeHasInSalesNotYetSettled) {
  outside.pdi.add({.id = CustomerId("CUST-2"), .name = "B", .tier = "Base", .balance = Points{250}});
  till.apply_rewards = false;
  ASSERT_TRUE(sell(std::nullopt, "CUST-2"));
  till.apply_rewards = true;
  out();
  ASSERT_TRUE(sell(200, "CUST-2"));
  EXPECT_EQ(sell(51, "CUST-2").error().code, Errc::redemption_limit);
  ASSERT_TRUE(sell(50, "CUST-2"));
  back();
  ASSERT_TRUE(life->settle());
  const auto known = life->members.find(CustomerId("CUST-2"));
  EXPECT_EQ((*known)->unsettled, Points{0});
}

TEST_F(StoodIn, AMemberNeverMetRedeemsNothing) {
  out();
  EXPECT_EQ(sell(1).error().code, Errc::redemption_limit);
}

TEST_F(StoodIn, AFinalizeThatDidNotLeaveKeepsToTheLimitsToo) {
  calculated();
  till.redeem = Points{301};
  outside.pdi.next(PdiCall::finalize, {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)});
  const auto refused = life->finalize(till);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::redemption_limit);
  EXPECT_EQ(stored().status, Status::calculated);
  EXPECT_TRUE(life->events().empty());
}

// ---- restarts and many of them

TEST_F(StoodIn, WhatWasQueuedIsSettledByTheNextLifeOldestFirst) {
  out();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sell(std::nullopt));
  back();
  restart();
  EXPECT_EQ(life->queue.depth(), 20u);
  ASSERT_TRUE(life->settle());
  ASSERT_EQ(outside.pdi.ledger().size(), 20u);
  // Four at a time, so about in order.
  for (std::size_t i = 0; i < 20; ++i) {
    const int number = std::stoi(outside.pdi.ledger()[i].transaction.str().substr(4));
    EXPECT_LE(std::abs(number - static_cast<int>(i) - 1), 4) << i;
  }
}

TEST_F(StoodIn, AQueueLargerThanMemoryIsSettledToo) {
  out();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(sell(std::nullopt));
  back();
  life.reset();
  life = std::make_unique<Life>(outside, LifeOptions{.standin = on(), .queue_known_max = 8});
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 50u);
}

TEST_F(StoodIn, WhatAClockSetBackPutsBeforeAQueueLargerThanMemoryIsSettledToo) {
  out();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(sell(std::nullopt));
  life.reset();
  life = std::make_unique<Life>(outside, LifeOptions{.standin = on(), .queue_known_max = 8});
  outside.time.wall -= hours{24};
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(sell(std::nullopt));
  back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(outside.pdi.ledger().size(), 35u);
}

TEST_F(StoodIn, AFinalizeOfALifeBeforeIsAnswered202WhileInDoubt) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{1}, .lose_answer = true});
  life->start(life->flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  restart();
  EXPECT_FALSE(stored().acknowledged);
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 202);
  EXPECT_EQ(told_to_hub(), std::vector<std::string>{"SalePending"});
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(told_to_hub(), (std::vector<std::string>{"SalePending", "SaleSettled"}));
  EXPECT_EQ(outside.pdi.ledger().size(), 1u);
}

TEST_F(StoodIn, WhatNobodyWasToldOfIsFinalizedNotSettled) {
  calculated();
  outside.pdi.next(PdiCall::finalize, {.there = seconds{1}, .lose_answer = true});
  life->start(life->flows.finalize(till.finalize_request(), till.traceparent));
  ASSERT_TRUE(life->world->run_until([&] { return outside.pdi.sent(PdiCall::finalize) == 1; }));
  restart();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(told_to_hub(), std::vector<std::string>{"SaleFinalized"});
  EXPECT_EQ(life->finalize(till)->status, 200);
}

}  // namespace
}  // namespace perkline::edge::session
