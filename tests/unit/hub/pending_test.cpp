#include <map>

#include <gtest/gtest.h>

#include "hub/ingest/ingest.hpp"
#include "hub/ingest/returns.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/stores/stores.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::hub::ingest {
namespace {

using test::StoreHistory;

const StoreId store{"store-1"};
const StoreId other_store{"store-2"};
const CustomerId customer{"CUST-00001"};

/// Two stores' events, taken in one batch each.
class PendingSales : public testing::Test {
 protected:
  PendingSales() {
    for (const StoreId& id : {store, other_store}) {
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
        return stores::add(t, id, std::string(64, id.str().back()), hub_.clock.wall);
      }));
    }
  }

  /// All that is new of a store's history, in one batch.
  void take_in(StoreHistory& history, const StoreId& from) {
    auto& sent = sent_[from];
    const auto batch = history.batch(sent + 1, history.tail());
    sent = history.tail();
    const auto answer = test::run_task(hub_.world(), ingest_.handle(from, sync::encode(sync::Frame(batch))));
    ASSERT_TRUE(answer);
    ASSERT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
    expect_sound();
  }
  void tell(sync::EventPayload payload) {
    history_.add(std::move(payload));
    take_in(history_, store);
  }
  void tell_elsewhere(sync::EventPayload payload) {
    other_history_.add(std::move(payload));
    take_in(other_history_, other_store);
  }

  sync::SalePending pending_of(const sync::SaleFinalized& sale, std::int64_t earned) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .channel = sale.channel,
            .amount = sale.amount,
            .earned = Points{earned},
            .redeemed = sale.redeemed,
            .tier = "Base",
            .receipt = ReceiptId("PND-1"),
            .rules_version = "",
            .pending_at = hub_.clock.wall};
  }
  sync::SaleRejected rejected_of(const sync::SaleFinalized& sale) {
    return {.session = sale.session,
            .transaction = sale.transaction,
            .customer = sale.customer,
            .pdi_code = "BLOCKED",
            .reason = "gone",
            .rejected_at = hub_.clock.wall};
  }
  sync::SaleReturned return_of(const sync::SaleFinalized& sale, std::int64_t minor,
                               std::optional<std::pair<std::int64_t, std::int64_t>> points) {
    sync::SaleReturned back{.id = hub_.uuids.next_return_id(),
                            .transaction = TransactionId("R-" + std::to_string(++returns_)),
                            .original_transaction = sale.transaction,
                            .original_store = store,
                            .session = sale.session,
                            .customer = sale.customer,
                            .amount = Money{minor, sale.amount.currency},
                            .figures = std::nullopt,
                            .returned_at = hub_.clock.wall};
    if (points) back.figures = sync::SaleReturned::Figures{Points{points->first}, Points{points->second}};
    return back;
  }
  static sync::SaleReturned as_of_another_store(sync::SaleReturned back) {
    back.session = {};
    back.customer = {};
    back.figures = std::nullopt;
    return back;
  }

  std::int64_t amount_of(Result<std::int64_t> (*ask)(db::Transaction&, const ledger::Account&),
                         const ledger::Account& account) {
    std::int64_t amount = 0;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      amount = ask(t, account).value();
      return {};
    }));
    return amount;
  }
  std::int64_t rewards() { return amount_of(ledger::balance_of, ledger::rewards_of(customer)); }
  std::int64_t pending() { return amount_of(ledger::pending_of, ledger::rewards_of(customer)); }
  std::int64_t owed() { return hub_.number("SELECT owed FROM member WHERE customer_id = 'CUST-00001'"); }
  std::int64_t dead_letters() { return hub_.number("SELECT COUNT(*) FROM dead_letter"); }
  std::string state_of_sale() { return hub_.rows("SELECT state FROM sale").at(0).text(0); }
  std::vector<std::string> told_on() {
    std::vector<std::string> types;
    for (const db::Row& row : hub_.rows("SELECT type FROM event_outbox ORDER BY id"))
      types.push_back(row.text(0));
    return types;
  }
  void expect_sound() {
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      const auto verification = ledger::verify(t).value();
      EXPECT_TRUE(verification.ok()) << verification.mismatches.front();
      return {};
    }));
  }

  test::TempDir dir_;
  test::HubDatabase hub_{dir_.file("hub.db")};
  StoreHistory history_{store, hub_.uuids, hub_.clock};
  StoreHistory other_history_{other_store, hub_.uuids, hub_.clock};
  Ingest ingest_{hub_.port(), hub_.clock, hub_.rng};
  std::map<StoreId, std::uint64_t> sent_;
  int returns_ = 0;
};

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

TEST_F(PendingSales, WhatIsNotPendingCannotBeRejected) {
  const auto sale = history_.sale(450);
  tell(rejected_of(sale));
  tell(sale);
  tell(rejected_of(sale));
  EXPECT_EQ(dead_letters(), 2);
  EXPECT_EQ(rewards(), 450);
}

// ---- returns

TEST(ReturnPoints, AreRoundedAgainstTheMemberInTheirTotals) {
  EXPECT_EQ(return_points(450, 100, 5000, 15000), (ReturnPoints{150, 33}));
  EXPECT_EQ(return_points(450, 100, 1, 15000), (ReturnPoints{1, 0}));
  EXPECT_EQ(return_points(450, 100, 15000, 15000), (ReturnPoints{450, 100}));
  EXPECT_EQ(return_points(450, 100, 0, 0), (ReturnPoints{}));
  EXPECT_EQ(return_points(1'000'000'000'000, 0, 99'999'999'999'999, 99'999'999'999'999),
            (ReturnPoints{1'000'000'000'000, 0}));
}

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
