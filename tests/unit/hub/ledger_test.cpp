#include <limits>
#include <map>

#include "hub/ledger/checkpoints.hpp"
#include "hub/ledger/lots.hpp"
#include "tests/unit/hub/ledger_fixture.hpp"

namespace perkline::hub::ledger {
namespace {

TEST_F(Ledger, WhatOneAccountGivesAnotherGets) {
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  EXPECT_EQ(balance(rewards_of(john)), 450);
  EXPECT_EQ(balance(issued_by(store)), -450);
  EXPECT_EQ(balance(redeemed_at(store)), 0);
  EXPECT_EQ(verified().accounts, 2);
  EXPECT_EQ(verified().entries, 2);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, TheSameTransferAgainChangesNothing) {
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  ASSERT_TRUE(post({earned("sale:2", 5), earned("sale:1", 450), earned("sale:2", 5)}));
  EXPECT_EQ(balance(rewards_of(john)), 455);
  EXPECT_EQ(verified().entries, 4);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, OtherContentUnderAKnownExternalIdIsRefused) {
  const Transfer first = earned("sale:1", 450);
  ASSERT_TRUE(post({first}));
  auto amount = first;
  amount.amount = 451;
  auto debit = first;
  debit.debit = issued_by(StoreId("store-2"));
  auto credit = first;
  credit.credit = rewards_of(CustomerId("CUST-2"));
  auto code = first;
  code.code = "other";
  auto reversed = first;
  std::swap(reversed.debit, reversed.credit);
  for (const Transfer& other : {amount, debit, credit, code, reversed}) {
    EXPECT_EQ(refusal_of({other}), Errc::already_exists);
    // Also when both come in one call.
    EXPECT_EQ(refusal_of({earned("sale:9", 1), other}), Errc::already_exists);
  }
  EXPECT_EQ(balance(rewards_of(john)), 450);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, ARewardsBalanceMayBeNegative) {
  ASSERT_TRUE(post({transfer("redeem:1", rewards_of(john), redeemed_at(store), 30)}));
  EXPECT_EQ(balance(rewards_of(john)), -30);
  EXPECT_EQ(balance(redeemed_at(store)), 30);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, AnAccountThatMayNotBeNegativeGivesOnlyWhatItHolds) {
  EXPECT_EQ(refusal_of({transfer("a", purse("ann"), purse("bob"), 1)}), Errc::insufficient_points);
  ASSERT_TRUE(post({transfer("b", source(), purse("ann"), 10)}));
  EXPECT_EQ(refusal_of({transfer("c", purse("ann"), purse("bob"), 11)}), Errc::insufficient_points);
  // Judged in order, one after the other.
  EXPECT_EQ(refusal_of(
                {transfer("d", purse("ann"), purse("bob"), 6), transfer("e", purse("ann"), purse("bob"), 5)}),
            Errc::insufficient_points);
  ASSERT_TRUE(
      post({transfer("f", purse("ann"), purse("bob"), 10), transfer("g", purse("bob"), purse("eve"), 10)}));
  EXPECT_EQ(balance(purse("ann")), 0);
  EXPECT_EQ(balance(purse("bob")), 0);
  EXPECT_EQ(balance(purse("eve")), 10);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, MoneyThatIsNotThereIsInsufficientFunds) {
  EXPECT_EQ(refusal_of({transfer("a", purse("ann", "money:USD"), purse("bob", "money:USD"), 1)}),
            Errc::insufficient_funds);
}

TEST_F(Ledger, HeldAmountsAreNotThereToBeGiven) {
  ASSERT_TRUE(post({transfer("a", source(), purse("ann"), 10)}));
  ASSERT_TRUE(hold({transfer("h", purse("ann"), purse("bob"), 4)}));
  EXPECT_EQ(refusal_of({transfer("b", purse("ann"), purse("bob"), 7)}), Errc::insufficient_points);
  ASSERT_TRUE(post({transfer("c", purse("ann"), purse("bob"), 6)}));
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, NoMoreIsHeldThanIsThere) {
  ASSERT_TRUE(post({transfer("a", source(), purse("ann"), 10)}));
  ASSERT_TRUE(hold({transfer("h", purse("ann"), purse("bob"), 6)}));
  const auto refused = hold({transfer("i", purse("ann"), purse("bob"), 5)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::insufficient_points);
  // What comes in pending is not there to be given on.
  EXPECT_EQ(refusal_of({transfer("j", purse("bob"), purse("eve"), 1)}), Errc::insufficient_points);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, APendingTransferMovesNothingAndIsShown) {
  const Account rewards = rewards_of(john);
  ASSERT_TRUE(hold({transfer("pending:1", issued_by(store), rewards, 300),
                    transfer("pending-redeem:1", rewards, redeemed_at(store), 100),
                    transfer("pending-redeem:2", rewards, redeemed_at(store), 20)}));
  EXPECT_EQ(balance(rewards), 0);
  EXPECT_EQ(pending(rewards), 180);
  EXPECT_EQ(pending(issued_by(store)), -300);
  EXPECT_EQ(held("rewards"), 120);
  EXPECT_EQ(held("issued"), 0) << "system accounts have no hot row";
  EXPECT_EQ(verified().entries, 0);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, AReleasedTransferIsAsIfItHadNeverBeen) {
  const Account rewards = rewards_of(john);
  ASSERT_TRUE(hold({transfer("pending:1", issued_by(store), rewards, 300),
                    transfer("pending-redeem:1", rewards, redeemed_at(store), 100),
                    transfer("pending-redeem:2", rewards, redeemed_at(store), 20)}));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(free({"pending:1", "pending-redeem:1", "pending:none"}));
  EXPECT_EQ(pending(rewards), -20);
  EXPECT_EQ(held("rewards"), 20);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, TheSameHoldAgainChangesNothingAlsoOnceReleased) {
  const Transfer first = transfer("pending:1", purse("ann"), purse("bob"), 4);
  ASSERT_TRUE(post({transfer("a", source(), purse("ann"), 10)}));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(hold({first, first}));
  EXPECT_EQ(held("purse"), 4);
  ASSERT_TRUE(free({"pending:1"}));
  ASSERT_TRUE(hold({first}));
  EXPECT_EQ(held("purse"), 0);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, AHoldUnderAKnownExternalIdWithOtherContentIsRefused) {
  ASSERT_TRUE(hold({transfer("pending:1", issued_by(store), rewards_of(john), 300)}));
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  const auto other = hold({transfer("pending:1", issued_by(store), rewards_of(john), 301)});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::already_exists);
  // Pending and posted are two things.
  EXPECT_EQ(refusal_of({transfer("pending:1", issued_by(store), rewards_of(john), 300)}),
            Errc::already_exists);
  const auto posted = hold({earned("sale:1", 450)});
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().code, Errc::already_exists);
  EXPECT_EQ(balance(rewards_of(john)), 450);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, ABalanceNeverLeaves64Bits) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(post({transfer("a", source(), purse("ann"), most)}));
  EXPECT_EQ(refusal_of({transfer("b", source(), purse("ann"), 1)}), Errc::validation_failed);
  EXPECT_EQ(balance(purse("ann")), most);
}

TEST_F(Ledger, SystemAccountsHaveNoHotRow) {
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  EXPECT_EQ(hub_.number("SELECT balance FROM account WHERE code = 'issued'"), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM entry WHERE balance_after IS NULL"), 1);
}

TEST_F(Ledger, UnitsNeverMixAlsoForOneOwner) {
  ASSERT_TRUE(post({transfer("a", source("money:USD"), purse("ann", "money:USD"), 5),
                    transfer("b", source("money:EUR"), purse("ann", "money:EUR"), 7)}));
  EXPECT_EQ(balance(purse("ann", "money:USD")), 5);
  EXPECT_EQ(balance(purse("ann", "money:EUR")), 7);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, ManyTransfersAtOnceComeToWhatTheyComeToOneByOne) {
  SeededRng rng(7);
  std::map<std::string, std::int64_t> model;
  std::vector<Transfer> transfers;
  for (int i = 0; i < 700; ++i) {
    const CustomerId customer("CUST-" + std::to_string(rng.below(150)));
    const auto amount = static_cast<std::int64_t>(1 + rng.below(1000));
    const bool gives = rng.below(3) == 0;
    model[customer.str()] += gives ? -amount : amount;
    transfers.push_back(
        gives ? transfer("t" + std::to_string(i), rewards_of(customer), redeemed_at(store), amount)
              : transfer("t" + std::to_string(i), issued_by(store), rewards_of(customer), amount));
  }
  ASSERT_TRUE(post({transfers.begin(), transfers.begin() + 300}));
  // The rest, with a hundred that are known already.
  ASSERT_TRUE(post({transfers.begin() + 200, transfers.end()}));
  for (const auto& [customer, expected] : model)
    EXPECT_EQ(balance(rewards_of(CustomerId(customer))), expected);
  EXPECT_EQ(verified().entries, 1400);
  EXPECT_TRUE(verified().ok());
}

TEST_F(Ledger, HistoryTellsTheBalanceAfterEachEntryInOrder) {
  ASSERT_TRUE(post({earned("sale:1", 5), earned("sale:2", 7)}));
  ASSERT_TRUE(post({transfer("redeem:1", rewards_of(john), redeemed_at(store), 20), earned("sale:3", 1)}));
  std::vector<std::int64_t> balances;
  for (const auto& row : hub_.rows("SELECT e.balance_after FROM entry e JOIN account a ON a.id = e.account_id"
                                   " WHERE a.owner_id = $1 ORDER BY e.id",
                                   {john.str()})) {
    balances.push_back(row.integer(0));
  }
  EXPECT_EQ(balances, (std::vector<std::int64_t>{5, 12, -8, -7}));
}

TEST_F(Ledger, AnAccountNobodyUsedHasNothing) {
  EXPECT_EQ(balance(rewards_of(john)), 0);
  EXPECT_TRUE(verified().ok());
}

/// A ledger with one of everything that verify looks at.
class Sabotage : public Ledger, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(post({earned("sale:1", 5), earned("sale:2", 7), transfer("t", source(), purse("ann"), 9)}));
    ASSERT_TRUE(hold({transfer("pending:3", rewards_of(john), redeemed_at(store), 4),
                      transfer("hold:4", purse("ann"), purse("bob"), 3)}));
    std::vector<Transfer> lots;
    for (int i = 0; i < 3; ++i) {
      lots.push_back(transfer("lot:" + std::to_string(i), source(), in_lots("eve"), 10 + i));
      lots.back().expires_at = hub_.clock.wall + days{i == 1 ? 1 : 5};
    }
    ASSERT_TRUE(post(lots));
    ASSERT_TRUE(post({transfer("spent", in_lots("eve"), source(), 4)}));
    hub_.clock.wall += days{1};
    ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      auto captured = capture(t, {.hold = "hold:4",
                                  .amount = 2,
                                  .id = hub_.uuids.next(),
                                  .external_id = "capture:4",
                                  .code = "test",
                                  .created_at = hub_.clock.wall});
      if (!captured) return failure(captured);
      const Uuid id = hub_.uuids.next();
      auto lapsed = lapse_lots(t, hub_.clock.wall, {&id, 1});
      if (!lapsed) return failure(lapsed);
      EXPECT_EQ(lapsed->size(), 1U);
      auto made = checkpoint_accounts(t, newest_entry(t).value(), hub_.clock.wall, 0, 100);
      if (!made) return failure(made);
      EXPECT_GT(made->made, 0);
      return reverse(t, {.of = "sale:2", .id = hub_.uuids.next(), .created_at = hub_.clock.wall});
    }));
    ASSERT_TRUE(verified().ok()) << verified().mismatches.front();
  }
  static Account in_lots(const std::string& owner) {
    Account account = purse(owner);
    account.code = "points";
    account.keeps_lots = true;
    return account;
  }
};

TEST_P(Sabotage, IsFoundByVerify) {
  // As damage would: past the rules of the schema.
  hub_.forget_checks();
  ASSERT_GT(hub_.execute(GetParam()), 0);
  EXPECT_FALSE(verified().ok());
}

INSTANTIATE_TEST_SUITE_P(
    Ledger, Sabotage,
    testing::Values(
        "UPDATE account SET balance = balance + 1 WHERE code = 'rewards'",
        "UPDATE account SET balance = 1 WHERE code = 'issued'",
        "UPDATE transfer SET state = 'released' WHERE state = 'captured'",
        "UPDATE transfer SET state = 'pending' WHERE state = 'captured'",
        "UPDATE transfer SET amount = 1 WHERE state = 'captured'",
        "UPDATE transfer SET pending_of = NULL WHERE pending_of IS NOT NULL",
        "UPDATE transfer SET pending_of = 1 WHERE pending_of IS NOT NULL",
        "UPDATE transfer SET state = 'captured' WHERE external_id = 'pending:3'",
        "UPDATE transfer SET reverses = 1 WHERE reverses IS NOT NULL",
        "UPDATE transfer SET reverses = 9000 WHERE reverses IS NOT NULL",
        "UPDATE transfer SET lapses = 1 WHERE lapses IS NOT NULL",
        "UPDATE transfer SET lapses = NULL WHERE lapses IS NOT NULL",
        "UPDATE lot SET remaining = remaining + 1", "UPDATE lot SET remaining = 5 WHERE remaining = 6",
        "UPDATE lot SET transfer_seq = transfer_seq + 100 WHERE remaining = 12",
        "UPDATE lot SET account_id = 1 WHERE remaining = 12", "DELETE FROM lot WHERE remaining = 6",
        "DELETE FROM lot",
        "INSERT INTO lot (account_id, transfer_seq, remaining, expires_at) VALUES (1, 1, 5, 0)",
        "UPDATE account SET keeps_lots = 0 WHERE keeps_lots = 1",
        "UPDATE ledger_checkpoint SET balance = balance + 1",
        "UPDATE ledger_checkpoint SET newest_at = newest_at - 1",
        "UPDATE ledger_checkpoint SET through_entry = through_entry + 2",
        "UPDATE ledger_checkpoint SET through_entry = through_entry + 9000",
        "UPDATE ledger_checkpoint SET account_id = (SELECT id FROM account WHERE code = 'purse'"
        " AND owner_id = 'ann')",
        "UPDATE account SET unit = 'points:other' WHERE code = 'rewards'",
        "UPDATE account SET held = 10 WHERE code = 'purse' AND owner_id = 'ann'",
        "UPDATE account SET held = 0 WHERE code = 'rewards'",
        "UPDATE account SET held = 1 WHERE code = 'issued'",
        "UPDATE transfer SET amount = amount + 1 WHERE state = 'pending'",
        "UPDATE transfer SET state = 'released' WHERE state = 'pending'",
        "UPDATE transfer SET state = 'posted' WHERE state = 'pending'",
        "UPDATE transfer SET unit = 'points:other' WHERE state = 'pending'",
        "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
        " SELECT 2 * t.seq, t.seq, t.debit_account, -4, 8 FROM transfer t WHERE t.state = 'pending'",
        "UPDATE entry SET delta = delta + 1 WHERE id % 2 = 1",
        "UPDATE entry SET balance_after = balance_after + 1 WHERE balance_after IS NOT NULL",
        "UPDATE entry SET account_id = (SELECT id FROM account WHERE code = 'purse' AND owner_id = 'ann')"
        " WHERE id = (SELECT MIN(id) + 1 FROM entry)",
        "UPDATE entry SET transfer_seq = transfer_seq + 1000 WHERE id = (SELECT MAX(id) FROM entry)",
        "DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY id DESC LIMIT 2)",
        "DELETE FROM entry WHERE id = (SELECT MIN(id) FROM entry)", "UPDATE transfer SET amount = amount + 1",
        "UPDATE transfer SET state = 'pending' WHERE external_id = 'sale:1'",
        "DELETE FROM transfer WHERE external_id = 'sale:2'",
        "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
        " SELECT 9000, 4500, account_id, delta, balance_after FROM entry WHERE id % 2 = 1 LIMIT 1"));

}  // namespace
}  // namespace perkline::hub::ledger
