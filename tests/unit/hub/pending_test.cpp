#include <gtest/gtest.h>

#include "hub/ingest/returns.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::ingest {
namespace {

class PendingSales : public test::TwoStores {};

TEST_F(PendingSales, APendingSaleCountsForNoBalance) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  EXPECT_EQ(rewards(), 0);
  EXPECT_EQ(pending(), 200) << "300 earned less 100 redeemed";
  EXPECT_EQ(state_of_sale(), "pending");
  EXPECT_EQ(told_on(), std::vector<std::string>{"SALE_PENDING"});
}

TEST_F(PendingSales, SettlingReleasesItAndPostsPdisFigures) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(state_of_sale(), "finalized");
  EXPECT_EQ(hub_.number("SELECT earned FROM sale"), 450);
  EXPECT_EQ(hub_.number("SELECT pdi_balance FROM member"), 5450);
  EXPECT_EQ(told_on(), (std::vector<std::string>{"SALE_PENDING", "SALE_SETTLED"}));
}

TEST_F(PendingSales, BothInOneBatchComeToTheSame) {
  const auto sale = history_.sale(450);
  history_.add(pending_of(sale, 300));
  history_.add(sync::SaleSettled{sale});
  take_in(history_, store);
  EXPECT_EQ(rewards(), 450);
  EXPECT_EQ(pending(), 0);
}

TEST_F(PendingSales, ASettledSaleNeverHeardOfIsBookedWhole) {
  tell(sync::SaleSettled{history_.sale(450, 100)});
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(state_of_sale(), "finalized");
}

TEST_F(PendingSales, EachEventComingAgainChangesNothing) {
  const auto sale = history_.sale(450, 100);
  for (int i = 0; i < 2; ++i) tell(pending_of(sale, 300));
  for (int i = 0; i < 2; ++i) tell(sync::SaleSettled{sale});
  tell(pending_of(sale, 300));
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(told_on().size(), 2u);
}

TEST_F(PendingSales, SettledWithOtherFiguresIsADeadLetter) {
  auto sale = history_.sale(450);
  tell(pending_of(sale, 300));
  tell(sync::SaleSettled{sale});
  sale.earned = Points{451};
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(rewards(), 450);
  EXPECT_EQ(dead_letters(), 1);
}

TEST_F(PendingSales, ARejectedSaleEarnsNothingAndWhatWasRedeemedIsTheStoresLoss) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  for (int i = 0; i < 2; ++i) tell(rejected_of(sale));
  EXPECT_EQ(rewards(), -100) << "the purse shows what PDI never booked";
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(owed(), 0);
  EXPECT_EQ(amount_of(ledger::balance_of, ledger::standin_loss_of(store)), 100);
  EXPECT_EQ(amount_of(ledger::balance_of, ledger::redeemed_at(store)), 0);
  EXPECT_EQ(state_of_sale(), "rejected");
  EXPECT_EQ(told_on(), (std::vector<std::string>{"SALE_PENDING", "SALE_REJECTED"}));
  EXPECT_EQ(dead_letters(), 0);
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(dead_letters(), 1) << "what a person closed is not booked behind his back";
}

TEST_F(PendingSales, SettlingIsToldWithWhatTheTillWasTold) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell(sync::SaleSettled{sale});
  tell(sync::SaleSettled{history_.sale(7)});
  const auto told = hub_.rows("SELECT data FROM event_outbox WHERE type = 'SALE_SETTLED' ORDER BY id");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_NE(told[0].text(0).find(R"("earnedPoints":450,"redeemedPoints":100)"), std::string::npos);
  EXPECT_NE(told[0].text(0).find(R"("provisionalEarnedPoints":300,"provisionalRedeemedPoints":100)"),
            std::string::npos);
  EXPECT_NE(told[1].text(0).find(R"("provisionalEarnedPoints":null)"), std::string::npos);
}

TEST_F(PendingSales, SettlingKeepsWhatTheTillWasToldBesidePdisFigures) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale WHERE receipt_id IS NULL AND new_balance IS NULL"), 1);
  hub_.clock.wall += hours{1};
  tell(sync::SaleSettled{sale});
  const auto row = hub_.rows(
      "SELECT receipt_id, provisional_receipt, earned, redeemed, provisional_earned, provisional_redeemed,"
      " settled_at - pending_at FROM sale");
  EXPECT_EQ(row.at(0).text(0), "RCP-1");
  EXPECT_EQ(row.at(0).text(1), "PND-1");
  const std::vector<std::int64_t> expected{450, 100, 300, 100, 3'600'000};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(row.at(0).integer(2 + i), expected[i]) << i;
}

TEST_F(PendingSales, APendingSaleToldAsFinalIsSettled) {
  // As by a store restored from a backup older than its answer to the till.
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell(sale);
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(told_on(), (std::vector<std::string>{"SALE_PENDING", "SALE_SETTLED"}));
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(PendingSales, PendingAgainWithOtherFiguresIsADeadLetter) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell(pending_of(sale, 301));
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(pending(), 200);
  auto dearer = sale;
  dearer.amount.minor += 1;
  tell(sync::SaleSettled{dearer});
  EXPECT_EQ(dead_letters(), 2) << "another sale";
  EXPECT_EQ(rewards(), 0);
  auto strangers = sale;
  strangers.customer = CustomerId("CUST-2");
  tell(sync::SaleSettled{strangers});
  tell(rejected_of(strangers));
  EXPECT_EQ(dead_letters(), 4);
  EXPECT_EQ(pending(), 200);
}

TEST_F(PendingSales, ManyAtOnceComeToTheirSum) {
  std::int64_t provisional = 0;
  std::int64_t earned = 0;
  std::vector<sync::SaleFinalized> sales;
  for (std::int64_t i = 1; i <= 200; ++i) {
    auto sale = history_.sale(3 * i, i % 4 == 0 ? i : 0);
    sale.transaction = TransactionId("M-" + std::to_string(i));
    sales.push_back(sale);
    history_.add(pending_of(sale, 2 * i));
    provisional += 2 * i - sale.redeemed.count;
    earned += 3 * i - sale.redeemed.count;
  }
  take_in(history_, store);
  EXPECT_EQ(pending(), provisional);
  const auto before = turnover_of(store);
  EXPECT_EQ(before.sales, 0);
  EXPECT_EQ(before.pending.sales, 200);
  EXPECT_EQ(before.pending.earned, 2 * 201 * 100);
  for (const auto& sale : sales) history_.add(sync::SaleSettled{sale});
  take_in(history_, store);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(rewards(), earned);
  const auto after = turnover_of(store);
  EXPECT_EQ(after.sales, 200);
  EXPECT_EQ(after.amount_minor, 200 * 1500);
  EXPECT_EQ(after.earned, 3 * 201 * 100);
  EXPECT_EQ(after.pending.sales, 0);
}

TEST_F(PendingSales, WhatIsNotPendingCannotBeRejected) {
  const auto sale = history_.sale(450);
  tell(rejected_of(sale));
  tell(sale);
  tell(rejected_of(sale));
  EXPECT_EQ(dead_letters(), 2);
  EXPECT_EQ(rewards(), 450);
}

// ---- returns

TEST_F(PendingSales, ReturnsOverSeveralReceiptsComeToTheWhole) {
  const auto sale = history_.sale(100, 10);  // of 15.00
  tell(sale);
  tell(return_of(sale, 500, {{34, 3}}));
  EXPECT_EQ(rewards(), 90 - 34 + 3);
  EXPECT_EQ(owed(), 31);
  tell(return_of(sale, 500, {{33, 3}}));
  tell(return_of(sale, 500, {{33, 4}}));
  EXPECT_EQ(rewards(), 0) << "all of it is undone";
  EXPECT_EQ(owed(), 90);
  EXPECT_EQ(dead_letters(), 0);
  tell(return_of(sale, 1, {{1, 0}}));
  EXPECT_EQ(dead_letters(), 1) << "never over the sale";
  EXPECT_EQ(rewards(), 0);
}

TEST_F(PendingSales, AReturnComingAgainChangesNothing) {
  const auto sale = history_.sale(100);
  tell(sale);
  const auto back = return_of(sale, 500, {{34, 0}});
  tell(back);
  tell(back);
  EXPECT_EQ(rewards(), 66);
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(PendingSales, AReturnThatComesToOtherPointsIsADeadLetter) {
  const auto sale = history_.sale(100);
  tell(sale);
  tell(return_of(sale, 500, {{33, 0}}));
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(rewards(), 100);
}

TEST_F(PendingSales, AReturnThatItsStoreWorkedOutByItsOwnReturnsAloneIsBookedByAll) {
  const auto sale = history_.sale(100);  // of 15.00
  tell(sale);
  tell_elsewhere(as_of_another_store(return_of(sale, 500, std::nullopt)));  // 34 of 100
  tell(return_of(sale, 500, {{34, 0}}));  // its first, for all it knows; with the other one 67
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(rewards(), 100 - 67);
  EXPECT_EQ(owed(), 67);
  tell(return_of(sale, 500, {{33, 0}}));
  EXPECT_EQ(rewards(), 0);
  EXPECT_EQ(hub_.number("SELECT told_clawed_back - clawed_back FROM sale_return WHERE told_clawed_back = 34"),
            1);
}

TEST_F(PendingSales, TurnoverTellsReturnsAndLossesApartFromSales) {
  const auto sale = history_.sale(450, 100);
  tell(sale);
  tell(return_of(sale, 500, {{150, 33}}));
  auto lost = history_.sale(10, 7);
  tell(pending_of(lost, 10));
  tell(rejected_of(lost));
  const auto turnover = turnover_of(store);
  EXPECT_EQ(turnover.sales, 1);
  EXPECT_EQ(turnover.earned, 450);
  EXPECT_EQ(turnover.redeemed, 100);
  EXPECT_EQ(turnover.returns.amount_minor, 500);
  EXPECT_EQ(turnover.returns.clawed_back, 150);
  EXPECT_EQ(turnover.returns.restored, 33);
  EXPECT_EQ(turnover.rejected_sales, 1);
  EXPECT_EQ(turnover.standin_loss, 7);
  EXPECT_EQ(turnover.pending.sales, 0);
}

TEST_F(PendingSales, AReturnOfNobodysSaleIsADeadLetter) {
  const auto sale = history_.sale(100);
  tell(sale);
  auto nowhere = as_of_another_store(return_of(sale, 500, std::nullopt));
  nowhere.original_store = StoreId("store-9");
  tell_elsewhere(nowhere);
  EXPECT_EQ(dead_letters(), 1);
  auto mixed = return_of(sale, 500, {{34, 0}});
  mixed.original_transaction = TransactionId("T-other");
  tell(mixed);
  EXPECT_EQ(dead_letters(), 2) << "session and name are two sales'";
  EXPECT_EQ(rewards(), 100);
}

TEST_F(PendingSales, AReturnIdWithOtherContentIsADeadLetter) {
  const auto sale = history_.sale(100);
  tell(sale);
  auto back = return_of(sale, 500, {{34, 0}});
  tell(back);
  back.amount.minor = 501;
  tell(back);
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(rewards(), 66);
}

TEST_F(PendingSales, MoreRestoredThanClawedBackIsPdisDebt) {
  const auto sale = history_.sale(10, 400);
  tell(sale);
  tell(return_of(sale, 1500, {{10, 400}}));
  EXPECT_EQ(rewards(), 0);
  EXPECT_EQ(owed(), -390);
}

TEST_F(PendingSales, AReturnOfAPendingSaleIsWorkedOutWhenItIsSettled) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell_elsewhere(as_of_another_store(return_of(sale, 500, std::nullopt)));
  EXPECT_EQ(rewards(), 0);
  EXPECT_EQ(owed(), 0);
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(rewards(), 350 - 150 + 33);
  EXPECT_EQ(owed(), 117);
  EXPECT_EQ(told_on().size(), 3u);
}

TEST_F(PendingSales, AReturnOfAnotherStoresSaleIsWorkedOutHere) {
  const auto sale = history_.sale(450);
  tell(sale);
  tell_elsewhere(as_of_another_store(return_of(sale, 500, std::nullopt)));
  EXPECT_EQ(rewards(), 300);
  EXPECT_EQ(hub_.number("SELECT clawed_back FROM sale_return"), 150);
}

TEST_F(PendingSales, AReturnThatComesBeforeItsSaleWaitsForIt) {
  const auto sale = history_.sale(450);
  tell_elsewhere(as_of_another_store(return_of(sale, 500, std::nullopt)));
  EXPECT_EQ(dead_letters(), 0);
  tell(sale);
  EXPECT_EQ(rewards(), 300);
}

TEST_F(PendingSales, ReturnsThatWaitForOtherSalesHoldNothingUp) {
  auto never = history_.sale(9);
  never.transaction = TransactionId("NEVER");
  tell_elsewhere(as_of_another_store(return_of(never, 1, std::nullopt)));
  std::vector<sync::SaleFinalized> sales;
  for (int i = 0; i < 100; ++i) {
    auto& sale = sales.emplace_back(history_.sale(30));
    sale.transaction = TransactionId("W-" + std::to_string(i));
    if (i % 10 == 0) other_history_.add(as_of_another_store(return_of(sale, 500, std::nullopt)));
  }
  take_in(other_history_, other_store);
  for (const auto& sale : sales) history_.add(sale);
  take_in(history_, store);
  EXPECT_EQ(rewards(), 100 * 30 - 10 * 10);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'waiting'"), 1);
}

TEST_F(PendingSales, AReturnOfARejectedSaleIsClosedWithNothing) {
  const auto sale = history_.sale(450, 100);
  tell(pending_of(sale, 300));
  tell_elsewhere(as_of_another_store(return_of(sale, 500, std::nullopt)));
  tell(rejected_of(sale));
  EXPECT_EQ(rewards(), -100);
  EXPECT_EQ(owed(), 0);
  EXPECT_EQ(hub_.number("SELECT clawed_back + restored FROM sale_return"), 0);
  EXPECT_EQ(hub_.rows("SELECT state FROM sale_return").at(0).text(0), "booked");
}

TEST_F(PendingSales, AWaitingReturnOverTheSaleBecomesADeadLetterAndTheSaleIsBooked) {
  const auto sale = history_.sale(450);
  tell(pending_of(sale, 300));
  tell_elsewhere(as_of_another_store(return_of(sale, 1501, std::nullopt)));
  tell(sync::SaleSettled{sale});
  EXPECT_EQ(rewards(), 450);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale_return"), 0);
  const auto buried = hub_.rows("SELECT id, type FROM dead_letter WHERE state = 'open'");
  ASSERT_EQ(buried.size(), 1u);
  EXPECT_EQ(buried[0].text(0), "store-2:1:1") << "in the history of the store that took it";
  EXPECT_EQ(buried[0].text(1), "SaleReturned");
}

// ---- what is only written down

TEST_F(PendingSales, AVoidAndADifferenceAreWrittenDown) {
  const auto sale = history_.sale(1);
  const sync::SessionVoided voided{.session = sale.session,
                                   .transaction = sale.transaction,
                                   .customer = sale.customer,
                                   .channel = sale.channel,
                                   .reason = "left",
                                   .voided_at = hub_.clock.wall};
  for (int i = 0; i < 2; ++i) tell(voided);
  tell(sync::ReconcileDifference{.session = sale.session,
                                 .transaction = sale.transaction,
                                 .customer = sale.customer,
                                 .ours = "expired",
                                 .pdi = "finalized",
                                 .found_at = hub_.clock.wall});
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM session_void"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM reconcile_difference"), 1);
  EXPECT_EQ(dead_letters(), 0);
}

}  // namespace
}  // namespace perkline::hub::ingest
