#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

constexpr const char* trace = "00-11112222333344445555666677778888-00f067aa0ba902b7-01";

/// Goods of the worked example come back: 150.00 paid, 450 points earned.
class Returns : public ::testing::Test {
 protected:
  Returns() { start(); }
  void start() {
    life.reset();
    LifeOptions options{.standin = {.enabled = true}};
    options.standin.limits = {.member_day = Points{10'000}, .store_day = Points{10'000}};
    life = std::make_unique<Life>(outside, options);
  }
  void pdi_is_out() {
    outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  void pdi_is_back() { outside.pdi.otherwise(nullptr); }

  Result<Answer> sell() {
    till.session = life->identify(till);
    EXPECT_TRUE(life->calculate(till));
    return life->finalize(till);
  }
  ReturnRequest back(const std::string& transaction, std::int64_t minor) {
    return {.original_transaction = till.transaction,
            .transaction = TransactionId(transaction),
            .amount = Money{minor, usd()}};
  }
  Result<Answer> give(ReturnRequest request) {
    return life->run(life->flows.return_goods(std::move(request), trace));
  }
  Result<Answer> give(const std::string& transaction, std::int64_t minor) {
    return give(back(transaction, minor));
  }
  Errc refused(ReturnRequest request) {
    const auto answer = give(std::move(request));
    EXPECT_FALSE(answer);
    return answer ? Errc::internal : answer.error().code;
  }
  static std::string points(const Result<Answer>& answer) {
    EXPECT_TRUE(answer);
    if (!answer) return "refused";
    auto document = json::parse(answer->body);
    const json::Value& root = document->root();
    if (answer->status == 202) return std::string(root.find("status")->text());
    return std::string(root.find("clawedBackPoints")->text()) + " " +
           std::string(root.find("restoredPoints")->text());
  }
  std::vector<sync::SaleReturned> told_to_hub() {
    std::vector<sync::SaleReturned> told;
    for (const sync::Event& event : life->events()) {
      if (const auto* goods = std::get_if<sync::SaleReturned>(&event.payload)) told.push_back(*goods);
    }
    return told;
  }
  std::int64_t owed() { return (*life->members.find(till.customer))->owed.count; }

  Outside outside;
  std::unique_ptr<Life> life;
  Till till;
};

TEST_F(Returns, TheWholeSaleGivesBackWhatItEarnedAndRedeemed) {
  till.redeem = Points{100};
  ASSERT_TRUE(sell());
  const auto answer = give("RET-1", 15000);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(points(answer), "450 100");
  ASSERT_EQ(told_to_hub().size(), 1u);
  const sync::SaleReturned told = told_to_hub()[0];
  EXPECT_EQ(told.original_transaction, till.transaction);
  EXPECT_EQ(told.session, till.session);
  EXPECT_EQ(told.figures, (sync::SaleReturned::Figures{Points{450}, Points{100}}));
  EXPECT_EQ(life->events().back().traceparent, trace) << "the return is a call of its own";
}

TEST_F(Returns, OverSeveralReceiptsTheTotalsAreRounded) {
  till.redeem = Points{100};
  ASSERT_TRUE(sell());
  EXPECT_EQ(points(give("RET-1", 1)), "1 0");
  EXPECT_EQ(points(give("RET-2", 32)), "0 0");
  EXPECT_EQ(points(give("RET-3", 4967)), "149 33");
  EXPECT_EQ(points(give("RET-4", 5000)), "150 33");
  start();
  EXPECT_EQ(points(give("RET-5", 5000)), "150 34") << "also by the next life";
  EXPECT_EQ(refused(back("RET-6", 1)), Errc::return_exceeds_sale);
  EXPECT_EQ(points(give("RET-7", 0)), "0 0");
  EXPECT_EQ(life->stored(till.session).returns.size(), 6u);
}

TEST_F(Returns, MoreThanWasSoldIsRefusedAndNothingIsHalfDone) {
  ASSERT_TRUE(sell());
  EXPECT_EQ(refused(back("RET-1", 15001)), Errc::return_exceeds_sale);
  EXPECT_TRUE(told_to_hub().empty());
  EXPECT_EQ(points(give("RET-1", 15000)), "450 0") << "the transaction is still free";
}

TEST_F(Returns, ASaleForNothingReturnsNothing) {
  till.final_amount = Money{0, usd()};
  ASSERT_TRUE(sell());
  EXPECT_EQ(points(give("RET-1", 0)), "0 0");
  EXPECT_EQ(refused(back("RET-2", 1)), Errc::return_exceeds_sale);
}

TEST_F(Returns, TheSameCallGetsTheSameBytesAndAnotherOneIsReuse) {
  ASSERT_TRUE(sell());
  const auto first = give("RET-1", 5000);
  const auto again = give("RET-1", 5000);
  EXPECT_EQ(again->body, first->body);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(told_to_hub().size(), 1u);

  EXPECT_EQ(refused(back("RET-1", 5001)), Errc::transaction_reused);
  EXPECT_EQ(refused(back(till.transaction.str(), 5000)), Errc::transaction_reused) << "the sale's own";
  ReturnRequest elsewhere = back("RET-1", 5000);
  elsewhere.original_store = StoreId("store-2");
  EXPECT_EQ(refused(elsewhere), Errc::transaction_reused);
  till.transaction = TransactionId("RET-1");
  EXPECT_EQ(life->run(life->flows.identify(till.identify_request())).error().code, Errc::transaction_reused);
}

TEST_F(Returns, NamingThisStoreIsAsNamingNone) {
  ASSERT_TRUE(sell());
  const auto first = give("RET-1", 5000);
  ReturnRequest here = back("RET-1", 5000);
  here.original_store = StoreId("store-1");
  EXPECT_EQ(give(here)->body, first->body);
}

TEST_F(Returns, TwoAtATimeNeverTakeMoreThanWasSold) {
  ASSERT_TRUE(sell());
  const auto [one, two] = life->run_both(life->flows.return_goods(back("RET-1", 10000), trace),
                                         life->flows.return_goods(back("RET-2", 10000), trace));
  EXPECT_TRUE(one);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, Errc::return_exceeds_sale);
  const auto [three, four] = life->run_both(life->flows.return_goods(back("RET-3", 5000), trace),
                                            life->flows.return_goods(back("RET-3", 5000), trace));
  EXPECT_EQ(three->body, four->body);
  EXPECT_EQ(told_to_hub().size(), 2u);
}

TEST_F(Returns, ASaleNobodyKnowsIsNotFound) {
  EXPECT_EQ(refused(back("RET-1", 100)), Errc::not_found);
  ASSERT_TRUE(sell());
  ASSERT_TRUE(give("RET-1", 5000));
  till.transaction = TransactionId("RET-1");
  EXPECT_EQ(refused(back("RET-2", 100)), Errc::not_found) << "a return is no sale";
}

TEST_F(Returns, WhatIsNoSaleIsRefused) {
  till.session = life->identify(till);
  EXPECT_EQ(refused(back("RET-1", 100)), Errc::session_state);
  ASSERT_TRUE(life->calculate(till));
  EXPECT_EQ(refused(back("RET-1", 100)), Errc::session_state);
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  EXPECT_EQ(life->finalize(till)->status, 400);
  EXPECT_EQ(refused(back("RET-1", 100)), Errc::session_state) << "the till was refused the sale";
}

TEST_F(Returns, AnotherStoresSaleIsTheHubsToWorkOut) {
  ReturnRequest request = back("RET-1", 5000);
  request.original_store = StoreId("store-2");
  const auto answer = give(request);
  EXPECT_EQ(points(answer), "pending");
  start();
  const auto again = give(request);
  EXPECT_EQ(again->body, answer->body);
  EXPECT_TRUE(again->replayed);
  ReturnRequest other = request;
  other.amount.minor = 5001;
  EXPECT_EQ(refused(other), Errc::transaction_reused);

  ASSERT_EQ(told_to_hub().size(), 1u);
  const sync::SaleReturned told = told_to_hub()[0];
  EXPECT_EQ(told.original_store, StoreId("store-2"));
  EXPECT_TRUE(told.session.empty());
  EXPECT_FALSE(told.figures);
  EXPECT_EQ(life->events().back().traceparent, trace);
}

// ---- of sales that await PDI

TEST_F(Returns, OfAPendingSaleTheyAreWorkedOutWhenItIsSettled) {
  ASSERT_TRUE(sell());
  pdi_is_out();
  till.transaction = TransactionId("TXN-2");
  till.redeem = Points{100};
  ASSERT_EQ(sell()->status, 202);
  const auto waiting = give("RET-1", 5000);
  EXPECT_EQ(points(waiting), "pending");
  EXPECT_EQ(give("RET-1", 5000)->body, waiting->body);
  EXPECT_EQ(points(give("RET-2", 10000)), "pending");
  EXPECT_EQ(refused(back("RET-3", 1)), Errc::return_exceeds_sale) << "what waits is taken";
  EXPECT_FALSE(told_to_hub()[0].figures) << "the hub works it out too";

  pdi_is_back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(points(give("RET-1", 5000)), "150 33");
  EXPECT_EQ(points(give("RET-2", 10000)), "300 67");
  EXPECT_EQ(told_to_hub().size(), 2u) << "and nothing is told twice";
  EXPECT_EQ(owed(), 350);
}

TEST_F(Returns, OfASaleThatPdiNeverBookedTheyComeToNothing) {
  pdi_is_out();
  till.customer = CustomerId("CUST-NOBODY");
  ASSERT_EQ(sell()->status, 202);
  ASSERT_EQ(points(give("RET-1", 5000)), "pending");
  pdi_is_back();
  ASSERT_TRUE(life->settle());
  ASSERT_EQ(points(give("RET-2", 5000)), "pending") << "in review";
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "no such card", "alice")));
  EXPECT_EQ(points(give("RET-1", 5000)), "0 0");
  EXPECT_EQ(points(give("RET-2", 5000)), "0 0");
  EXPECT_EQ(points(give("RET-3", 5000)), "0 0") << "after it too";
  EXPECT_EQ(told_to_hub().size(), 3u);
}

TEST_F(Returns, OfASaleFoundInDoubtAfterARestartTheHubIsToldOfTheSaleFirst) {
  till.session = life->identify(till);
  ASSERT_TRUE(life->calculate(till));
  outside.pdi.next(PdiCall::finalize, {.lose_answer = true});
  life->start(life->flows.finalize(till.finalize_request(), till.traceparent));
  life->world->run_until([&] { return life->stored(till.session).status == Status::finalizing; });
  start();
  pdi_is_out();
  ASSERT_FALSE(life->stored(till.session).acknowledged);
  EXPECT_EQ(points(give("RET-1", 5000)), "pending");
  const auto events = life->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<sync::SalePending>(events[0].payload));
  EXPECT_TRUE(std::holds_alternative<sync::SaleReturned>(events[1].payload));
  pdi_is_back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(points(give("RET-1", 5000)), "150 0");
}

// ---- what the member owes by it

TEST_F(Returns, WhatWasClawedBackIsNotRedeemed) {
  ASSERT_TRUE(sell());  // 5,450 points at PDI, which does not hear of the return
  ASSERT_TRUE(give("RET-1", 15000));
  EXPECT_EQ(owed(), 450);
  till.transaction = TransactionId("TXN-2");
  till.redeem = Points{5001};
  EXPECT_EQ(sell().error().code, Errc::redemption_limit);
  till.redeem = Points{5000};
  EXPECT_EQ(life->finalize(till)->status, 200);
}

TEST_F(Returns, PointsThatPdiShouldHaveRestoredRedeemNothing) {
  till.redeem = Points{1000};
  ASSERT_TRUE(sell());  // 4,450 points
  ASSERT_TRUE(give("RET-1", 15000));
  EXPECT_EQ(owed(), -550);
  till.transaction = TransactionId("TXN-2");
  till.redeem = Points{4451};
  EXPECT_EQ(sell().error().code, Errc::redemption_limit);
  till.redeem = Points{4450};
  EXPECT_EQ(life->finalize(till)->status, 200);
}

}  // namespace
}  // namespace perkline::edge::session
