#include "hub/ledger/lots.hpp"

#include "tests/unit/hub/ledger_fixture.hpp"

namespace perkline::hub::ledger {
namespace {

const UserId ann{"ann"};
const UserId bob{"bob"};
using Amounts = std::vector<std::int64_t>;

class LotsTest : public Ledger {
 protected:
  Account issued() { return system_account("issued", std::string(programme_unit)); }
  Account spent() { return system_account("spent", std::string(programme_unit)); }

  Transfer given(const std::string& name, std::int64_t amount, days lasts = days{365},
                 const UserId& user = ann) {
    Transfer made = transfer("give:" + name, issued(), points_of(user), amount);
    made.expires_at = hub_.clock.wall + lasts;
    return made;
  }
  Transfer taken(const std::string& name, std::int64_t amount, const UserId& user = ann) {
    return transfer("take:" + name, points_of(user), spent(), amount);
  }
  /// What is left, oldest first.
  Amounts lots(const UserId& user = ann) {
    Amounts left;
    for (const auto& row : hub_.rows("SELECT l.remaining FROM lot l JOIN account a ON a.id = l.account_id"
                                     " WHERE a.owner_id = $1 ORDER BY l.transfer_seq",
                                     {user.str()}))
      left.push_back(row.integer(0));
    return left;
  }
  /// What lapsed, in order; a run of the job that takes `at_once` at a time.
  Amounts lapse(std::size_t at_once = 10) {
    Amounts amounts;
    for (std::size_t done = at_once; done == at_once;) {
      std::vector<Uuid> ids;
      for (std::size_t i = 0; i < at_once; ++i) ids.push_back(hub_.uuids.next());
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
        const auto lapsed = lapse_lots(t, hub_.clock.wall, ids);
        if (!lapsed) return std::unexpected(lapsed.error());
        done = lapsed->size();
        for (const Lapsed& each : *lapsed) amounts.push_back(each.amount);
        return {};
      }));
    }
    return amounts;
  }
  std::int64_t lapsing_in(days soon) {
    return asked([&](db::Transaction& t) {
      return lapsing_by(t, "user", ann.str(), std::string(programme_unit), hub_.clock.wall + soon);
    });
  }
  void expect_sound() {
    const auto found = verified();
    EXPECT_TRUE(found.ok()) << found.mismatches.front();
  }
};

TEST_F(LotsTest, PointsAreSpentOldestFirst) {
  ASSERT_TRUE(post({given("1", 5), given("2", 3), given("3", 4)}));
  EXPECT_EQ(lots(), (Amounts{5, 3, 4}));
  ASSERT_TRUE(post({taken("1", 2)}));
  EXPECT_EQ(lots(), (Amounts{3, 3, 4}));
  ASSERT_TRUE(post({taken("2", 3)}));
  EXPECT_EQ(lots(), (Amounts{3, 4}));
  ASSERT_TRUE(post({taken("3", 5)}));
  EXPECT_EQ(lots(), (Amounts{2}));
  ASSERT_TRUE(post({taken("4", 2)}));
  EXPECT_EQ(lots(), Amounts{});
  expect_sound();
}

TEST_F(LotsTest, AlsoOldestFirstWhereANewerOneLapsesSooner) {
  ASSERT_TRUE(post({given("1", 5, days{365}), given("2", 3, days{1})}));
  ASSERT_TRUE(post({taken("1", 4)}));
  EXPECT_EQ(lots(), (Amounts{1, 3}));
  hub_.clock.wall += days{1};
  EXPECT_EQ(lapse(), (Amounts{3}));
  EXPECT_EQ(lots(), (Amounts{1}));
  expect_sound();
}

TEST_F(LotsTest, ManyLotsAreSpentAtOnce) {
  std::vector<Transfer> all;
  for (int i = 0; i < 100; ++i) all.push_back(given(std::to_string(i), 1 + i % 3));
  ASSERT_TRUE(post(all));
  ASSERT_TRUE(post({taken("most", 197)}));
  EXPECT_EQ(balance(points_of(ann)), 2);
  EXPECT_EQ(lots(), (Amounts{1, 1}));
  expect_sound();
}

TEST_F(LotsTest, ComeAndGoInOneCallInItsOrder) {
  ASSERT_TRUE(
      post({given("1", 2), taken("1", 1), given("2", 5), taken("2", 3), given("3", 9, days{1}, bob)}));
  EXPECT_EQ(lots(), (Amounts{3}));
  EXPECT_EQ(lots(bob), (Amounts{9}));
  ASSERT_TRUE(post({given("1", 2), taken("2", 3)}));
  EXPECT_EQ(lots(), (Amounts{3})) << "known transfers move nothing";
  expect_sound();
}

TEST_F(LotsTest, WhatIsNotThereIsNotSpent) {
  ASSERT_TRUE(post({given("1", 5)}));
  EXPECT_EQ(refusal_of({taken("1", 6)}), Errc::insufficient_points);
  EXPECT_EQ(lots(), (Amounts{5}));
}

TEST_F(LotsTest, LapseOnceAtTheirTime) {
  ASSERT_TRUE(post({given("1", 5, days{10}), given("2", 3, days{20}), given("3", 4, days{10}, bob)}));
  ASSERT_TRUE(post({taken("1", 1)}));
  hub_.clock.wall += days{10} - Millis{1};
  EXPECT_EQ(lapse(), Amounts{});
  hub_.clock.wall += Millis{1};
  EXPECT_EQ(lapse(), (Amounts{4, 4}));
  EXPECT_EQ(lapse(), Amounts{});
  EXPECT_EQ(balance(points_of(ann)), 3);
  EXPECT_EQ(balance(points_of(bob)), 0);
  EXPECT_EQ(balance(system_account("expired", std::string(programme_unit))), 8);
  expect_sound();
}

TEST_F(LotsTest, LapseAFewAtATime) {
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(post({given(std::to_string(i), 1 + i, days{1 + i})}));
  hub_.clock.wall += days{6};
  EXPECT_EQ(lapse(2), (Amounts{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(balance(points_of(ann)), 7);
  expect_sound();
}

TEST_F(LotsTest, WhatIsHeldDoesNotLapse) {
  ASSERT_TRUE(post({given("1", 5, days{1}), given("2", 3, days{1})}));
  ASSERT_TRUE(hold({transfer("h", points_of(ann), spent(), 4)}));
  hub_.clock.wall += days{2};
  EXPECT_EQ(lapse(1), (Amounts{3})) << "4 of 8 are held: the other lot is more than what is free";
  expect_sound();
  ASSERT_TRUE(free({"h"}));
  EXPECT_EQ(lapse(), (Amounts{5}));
  EXPECT_EQ(balance(points_of(ann)), 0);
  expect_sound();
}

TEST_F(LotsTest, ACapturedHoldSpendsLots) {
  ASSERT_TRUE(post({given("1", 5), given("2", 3)}));
  ASSERT_TRUE(hold({transfer("h", points_of(ann), spent(), 7)}));
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    const auto done = capture(t, {.hold = "h",
                                  .amount = 6,
                                  .id = hub_.uuids.next(),
                                  .external_id = "c",
                                  .code = "test",
                                  .created_at = hub_.clock.wall});
    if (!done) return std::unexpected(done.error());
    return {};
  }));
  EXPECT_EQ(lots(), (Amounts{2}));
  expect_sound();
}

TEST_F(LotsTest, ASpendThatIsReversedComesBackAsALot) {
  ASSERT_TRUE(post({given("1", 5), taken("1", 4)}));
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) {
    return reverse(t, {.of = "take:1",
                       .id = hub_.uuids.next(),
                       .created_at = hub_.clock.wall,
                       .expires_at = hub_.clock.wall + days{30}});
  }));
  EXPECT_EQ(lots(), (Amounts{1, 4}));
  expect_sound();
}

TEST_F(LotsTest, TellWhatLapsesSoon) {
  ASSERT_TRUE(post({given("1", 5, days{10}), given("2", 3, days{40}), given("3", 9, days{5}, bob)}));
  EXPECT_EQ(lapsing_in(days{9}), 0);
  EXPECT_EQ(lapsing_in(days{10}), 5);
  EXPECT_EQ(lapsing_in(days{40}), 8);
  ASSERT_TRUE(post({taken("1", 2)}));
  EXPECT_EQ(lapsing_in(days{30}), 3);
}

}  // namespace
}  // namespace perkline::hub::ledger
