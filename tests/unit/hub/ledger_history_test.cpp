#include "hub/ledger/checkpoints.hpp"
#include "hub/ledger/history.hpp"
#include "tests/unit/hub/ledger_fixture.hpp"

namespace perkline::hub::ledger {
namespace {

class LedgerHistory : public Ledger {
 protected:
  Errc reversal_refusal(const std::string& of) {
    const Reversal reversal{.of = of, .id = hub_.uuids.next(), .created_at = hub_.clock.wall};
    const auto done = hub_.write([&](db::Transaction& t) { return reverse(t, reversal); });
    return done ? Errc{} : done.error().code;
  }
  std::int64_t at(const Account& account, WallTime when) {
    return asked([&](db::Transaction& t) { return balance_at(t, account, when); });
  }
  std::int64_t after(const Account& account, std::int64_t entry) {
    return asked([&](db::Transaction& t) { return balance_after(t, account, entry); });
  }
  std::vector<Entry> entries(const std::vector<Account>& accounts, std::int64_t count,
                             std::int64_t before = std::numeric_limits<std::int64_t>::max()) {
    return asked([&](db::Transaction& t) { return entries_of(t, accounts, count, before); });
  }
  /// How many were made.
  std::int64_t checkpoint(std::int64_t count = 100) {
    std::int64_t made = 0;
    std::optional<std::int64_t> behind = 0;
    while (behind) {
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
        const auto through = newest_entry(t);
        if (!through) return std::unexpected(through.error());
        const auto step = checkpoint_accounts(t, *through, hub_.clock.wall, *behind, count);
        if (!step) return std::unexpected(step.error());
        made += step->made;
        behind = step->last_account;
        return {};
      }));
    }
    return made;
  }
  void expect_sound() {
    const auto found = verified();
    EXPECT_TRUE(found.ok()) << found.mismatches.front();
  }
};

TEST_F(LedgerHistory, AMistakeIsReversedOnce) {
  ASSERT_TRUE(post({earned("sale:1", 450), earned("sale:2", 7)}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reversal_refusal("sale:1"), Errc{});
  EXPECT_EQ(balance(rewards_of(john)), 7);
  EXPECT_EQ(balance(issued_by(store)), -7);
  EXPECT_EQ(verified().entries, 6) << "nothing of the history goes";
  expect_sound();
}

TEST_F(LedgerHistory, WhatWasReversedStaysReversed) {
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  ASSERT_EQ(reversal_refusal("sale:1"), Errc{});
  ASSERT_TRUE(post({earned("sale:1", 450)}));
  EXPECT_EQ(balance(rewards_of(john)), 0);
  EXPECT_EQ(reversal_refusal("reversal:sale:1"), Errc::session_state);
}

TEST_F(LedgerHistory, OnlyWhatIsPostedAndStillThereIsReversed) {
  ASSERT_TRUE(
      post({transfer("a", source(), purse("ann"), 10), transfer("b", purse("ann"), purse("bob"), 4)}));
  ASSERT_TRUE(hold({transfer("h", purse("ann"), purse("bob"), 1)}));
  EXPECT_EQ(reversal_refusal("none"), Errc::not_found);
  EXPECT_EQ(reversal_refusal("h"), Errc::session_state);
  EXPECT_EQ(reversal_refusal("a"), Errc::insufficient_points) << "part of it is spent, part held";
  EXPECT_EQ(reversal_refusal("b"), Errc{});
  EXPECT_EQ(reversal_refusal("a"), Errc::insufficient_points) << "part of it is held";
  ASSERT_TRUE(free({"h"}));
  EXPECT_EQ(reversal_refusal("a"), Errc{});
  EXPECT_EQ(balance(purse("ann")), 0);
  expect_sound();
}

TEST_F(LedgerHistory, ACheckpointThatLeaves64BitsIsToldAndKeepsNoOtherBack) {
  constexpr std::int64_t much = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(post({transfer("a", source(), purse("ann"), much), transfer("b", source(), purse("bob"), much),
                    earned("sale:1", 450)}));
  const auto step = [&] {
    CheckpointStep found;
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      auto made = checkpoint_accounts(t, newest_entry(t).value(), hub_.clock.wall, 0, 100);
      if (!made) return failure(made);
      found = std::move(*made);
      return {};
    }));
    return found;
  }();
  EXPECT_EQ(step.made, 1);
  ASSERT_EQ(step.too_large.size(), 1U);
  EXPECT_EQ(hub_.number("SELECT id FROM account WHERE code = 'source'"), step.too_large[0]);
  EXPECT_EQ(hub_.number("SELECT c.balance FROM ledger_checkpoint c JOIN account a ON a.id = c.account_id"
                        " WHERE a.code = 'issued'"),
            -450);
}

TEST_F(LedgerHistory, TellsPastBalancesByTimeAndByEntry) {
  const WallTime first = hub_.clock.wall;
  ASSERT_TRUE(post({earned("sale:1", 5)}));
  hub_.clock.wall = first + hours{1};
  ASSERT_TRUE(post({earned("sale:2", 7), transfer("redeem:1", rewards_of(john), redeemed_at(store), 20)}));
  hub_.clock.wall = first + hours{2};
  ASSERT_TRUE(post({earned("sale:3", 1)}));

  const Account rewards = rewards_of(john);
  EXPECT_EQ(at(rewards, first - Millis{1}), 0);
  EXPECT_EQ(at(rewards, first), 5);
  EXPECT_EQ(at(rewards, first + minutes{59}), 5);
  EXPECT_EQ(at(rewards, first + hours{1}), -8);
  EXPECT_EQ(at(rewards, first + days{1}), -7);
  EXPECT_EQ(at(issued_by(store), first + hours{1}), -12);
  EXPECT_EQ(at(rewards_of(CustomerId("nobody")), first), 0);

  const auto all = entries({rewards}, 100);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(after(rewards, all[0].id), -7);
  EXPECT_EQ(after(rewards, all[1].id), -8);
  EXPECT_EQ(after(rewards, all[2].id), 12);
  EXPECT_EQ(after(rewards, all[3].id), 5);
  EXPECT_EQ(after(rewards, all[3].id - 2), 0);
  EXPECT_EQ(after(issued_by(store), all[2].id), -12);
}

TEST_F(LedgerHistory, ListsEntriesOfSeveralAccountsInOneOrder) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(post({earned("sale:" + std::to_string(i), 10 + i)}));
    ASSERT_TRUE(post({transfer("points:" + std::to_string(i), source(), purse("ann"), 1 + i)}));
  }
  const std::vector<Account> both{rewards_of(john), purse("ann")};
  std::vector<std::string> seen;
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  for (std::size_t size = 3; size == 3;) {
    const auto page = entries(both, 3, before);
    size = page.size();
    for (const Entry& entry : page) seen.push_back(entry.external_id);
    if (!page.empty()) before = page.back().id;
    // What comes meanwhile moves nothing.
    ASSERT_TRUE(post({earned("late:" + std::to_string(before), 1)}));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"points:4", "sale:4", "points:3", "sale:3", "points:2", "sale:2",
                                            "points:1", "sale:1", "points:0", "sale:0"}));
}

TEST_F(LedgerHistory, AnEntryTellsWhyAndWithWhom) {
  Transfer sale = earned("sale:1", 5);
  sale.code = "sale.earned";
  sale.meta = R"({"a":1})";
  ASSERT_TRUE(post({sale}));
  const Entry entry = entries({rewards_of(john)}, 1).at(0);
  EXPECT_EQ(entry.delta, 5);
  EXPECT_EQ(entry.balance_after, 5);
  EXPECT_EQ(entry.code, "sale.earned");
  EXPECT_EQ(entry.external_id, "sale:1");
  EXPECT_EQ(entry.meta, R"({"a":1})");
  EXPECT_EQ(entry.other_kind, "store");
  EXPECT_EQ(entry.other_id, store.str());
  EXPECT_EQ(entry.created_at, hub_.clock.wall);
}

TEST_F(LedgerHistory, AnOwnersHoldingsTellWhatIsHeld) {
  ASSERT_TRUE(post({transfer("a", source("money:USD"), purse("ann", "money:USD"), 5),
                    transfer("b", source("money:EUR"), purse("ann", "money:EUR"), 7)}));
  ASSERT_TRUE(hold({transfer("h", purse("ann", "money:EUR"), source("money:EUR"), 3)}));
  const auto holdings = asked([](db::Transaction& t) { return holdings_of(t, "user", "ann"); });
  ASSERT_EQ(holdings.size(), 2U);
  EXPECT_EQ(holdings[0].account, purse("ann", "money:EUR"));
  EXPECT_EQ(holdings[0].balance, 7);
  EXPECT_EQ(holdings[0].held, 3);
  EXPECT_EQ(holdings[1].account, purse("ann", "money:USD"));
  EXPECT_EQ(holdings[1].held, 0);
}

TEST_F(LedgerHistory, ASystemAccountIsItsCheckpointAndWhatFollowed) {
  ASSERT_TRUE(post({earned("sale:1", 5), transfer("redeem:1", rewards_of(john), redeemed_at(store), 2)}));
  EXPECT_EQ(checkpoint(), 2);
  EXPECT_EQ(checkpoint(), 0) << "nothing new";
  ASSERT_TRUE(post({earned("sale:2", 7)}));
  EXPECT_EQ(hub_.number("SELECT c.balance FROM ledger_checkpoint c JOIN account a ON a.id = c.account_id"
                        " WHERE a.code = 'issued'"),
            -5);
  EXPECT_EQ(balance(issued_by(store)), -12);
  EXPECT_EQ(checkpoint(1), 1) << "page by page";
  EXPECT_EQ(balance(issued_by(store)), -12);
  ASSERT_TRUE(post({earned("sale:3", 1)}));
  EXPECT_EQ(balance(issued_by(store)), -13);
  EXPECT_EQ(balance(redeemed_at(store)), 2);
  expect_sound();
}

TEST_F(LedgerHistory, ACheckpointIsUsedAndNotSummedAgain) {
  ASSERT_TRUE(post({earned("sale:1", 5)}));
  ASSERT_EQ(checkpoint(), 1);
  hub_.execute("UPDATE ledger_checkpoint SET balance = -1000");
  EXPECT_EQ(balance(issued_by(store)), -1000);
  EXPECT_FALSE(verified().ok());
}

TEST_F(LedgerHistory, PastBalancesAreTheSameWithCheckpoints) {
  const WallTime start = hub_.clock.wall;
  std::int64_t sum = 0;
  std::vector<std::pair<WallTime, std::int64_t>> past;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(post({earned("sale:" + std::to_string(i), 1 + i)}));
    sum -= 1 + i;
    past.emplace_back(hub_.clock.wall, sum);
    // A clock that goes back now and then, as replicas' clocks differ.
    hub_.clock.wall += i % 3 == 2 ? -minutes{10} : hours{1};
    if (i % 4 == 0) checkpoint();
  }
  EXPECT_EQ(at(issued_by(store), start - Millis{1}), 0);
  for (const auto& [when, unused] : past) {
    std::int64_t expected = 0;
    for (int i = 0; i < 20; ++i)
      if (past[static_cast<std::size_t>(i)].first <= when) expected -= 1 + i;
    EXPECT_EQ(at(issued_by(store), when), expected);
  }
  expect_sound();
}

}  // namespace
}  // namespace perkline::hub::ledger
