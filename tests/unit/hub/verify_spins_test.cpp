#include "hub/wheel/verify_spins.hpp"

#include "hub/points/purse.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/spin.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

/// A member's spin on the web and one at a till, of a stocked prize; then somebody reaches into the database.
class VerifySpins : public Tills {
 protected:
  VerifySpins() {
    EXPECT_TRUE(run_task(hub_.world(), hub::wheel::commit_seeds(hub_.port(), {hub::wheel::the_hub},
                                                                hub_.clock.wall, hub_.rng)));
    member_ = add_owner();
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto given = hub::points::give(t, terms_.programme, {.id = hub_.uuids.next(), .at = hub_.clock.wall},
                                     {.user = member_,
                                      .amount = 10,
                                      .other = hub::points::programme_account("applied"),
                                      .external_id = "test:1",
                                      .code = "apply"});
      if (!given) return failure(given);
      return {};
    });
  }
  void spin_on_the_web() {
    const auto cause = hub::wheel::make_cause(hub_.uuids, hub_.clock.wall, "");
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto spun = hub::wheel::spin(t, terms_, cause, member_, "lucky");
      if (!spun) return failure(spun);
      return {};
    });
  }
  void spin_at_a_till() {
    store_.look();
    ASSERT_TRUE(store_.sell_and_spin(card, true));
    store_.sync();
    ASSERT_EQ(dead_letters(), 0);
  }
  /// What is found once that is done to the database, which is taken back.
  std::vector<std::string> found_after(const std::string& fault) {
    std::vector<std::string> found;
    EXPECT_FALSE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      const auto done = t.execute(fault);
      EXPECT_TRUE(done && *done > 0) << fault;
      found = hub::wheel::verify_spins(t).value();
      return fail(Errc::cancelled, "taken back");
    }));
    return found;
  }
  void expect_found(const std::string& fault, const std::string& says) {
    const auto found = found_after(fault);
    EXPECT_TRUE(std::ranges::any_of(found, [&](const std::string& each) { return each.contains(says); }))
        << fault << ": " << testing::PrintToString(found);
  }

  UserId member_;
  FakeStore store_ = open_store("store-1");
};

TEST_F(VerifySpins, FindsNothingWhereNothingIsWrong) {
  add_prize(40);
  add_prize(std::nullopt, true);
  add_prize(std::nullopt);
  for (int i = 0; i < 5; ++i) {
    spin_on_the_web();
    spin_at_a_till();
  }
  EXPECT_EQ(spins(), 10);
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(VerifySpins, FindsPointsThatNoSpinHasCostOrGiven) {
  add_prize(40);
  spin_on_the_web();
  spin_at_a_till();
  for (const std::string of : {"store_id IS NULL", "store_id IS NOT NULL"}) {
    expect_found("UPDATE spin SET cost = cost + 1 WHERE " + of, "has cost other points");
    expect_found("UPDATE spin SET points = points + 1 WHERE " + of, "has given other points");
    expect_found("UPDATE spin SET lapsed = 1 WHERE " + of, "has given other points");
    expect_found("UPDATE spin SET user_id = 'somebody else' WHERE " + of, "or to somebody else,");
    expect_found("DELETE FROM spin WHERE " + of, "is for no spin");
  }
  expect_found("UPDATE spin SET user_id = 'somebody else' WHERE store_id IS NULL", "or somebody else,");
  expect_found("DELETE FROM transfer WHERE code = 'prize'", "has given other points");
  expect_found("DELETE FROM transfer WHERE code = 'spin'", "has cost other points");
  expect_found("UPDATE transfer SET amount = amount + 1 WHERE code = 'prize'", "has given other points");
  expect_found("UPDATE transfer SET external_id = 'spin:x' WHERE code = 'spin'",
               "transfer spin:x is for no spin");
}

TEST_F(VerifySpins, FindsUnitsThatNoSpinHasTaken) {
  const std::string prize = add_prize(40);
  spin_on_the_web();
  spin_at_a_till();
  const std::string other = add_prize(std::nullopt);
  expect_found("UPDATE prize SET awarded = awarded + 1 WHERE stock IS NOT NULL",
               "prize " + prize + ": other units");
  expect_found("UPDATE prize SET awarded_apart = 1 WHERE stock IS NOT NULL", "other units are awarded");
  expect_found("DELETE FROM spin WHERE store_id IS NULL", "other units are awarded");
  expect_found("UPDATE spin SET took_unit = 0 WHERE store_id IS NOT NULL", "other units are awarded");
  expect_found("UPDATE spin SET prize_id = '" + other + "' WHERE store_id IS NULL",
               "other units are awarded");
  expect_found("UPDATE spin SET prize_id = 'none' WHERE store_id IS NULL", "a prize that there is not");
  expect_found("UPDATE spin SET prize_id = '" + other + "' WHERE store_id IS NOT NULL",
               "has a unit that its lease has not");
  expect_found("UPDATE spin SET ordinal = 41 WHERE store_id IS NOT NULL",
               "has a unit that its lease has not");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(VerifySpins, FindsSpinsThatCannotBeProvenAndMarksOfOtherPrizes) {
  add_prize(std::nullopt, true);
  spin_on_the_web();
  const std::string other = add_prize(std::nullopt);
  spin_at_a_till();
  expect_found("DELETE FROM wheel_table", "cannot be proven");
  expect_found("UPDATE wheel_table SET content = 'another 1\n'", "cannot be proven");
  expect_found(
      "UPDATE spin SET seed_id = (SELECT MIN(id) FROM wheel_seed WHERE store_id = '') WHERE store_id IS NOT "
      "NULL",
      "cannot be proven");
  expect_found("DELETE FROM wheel_secret WHERE seed_id NOT IN (SELECT seed_id FROM wheel_nonce)",
               "cannot be proven");
  expect_found("UPDATE prize_one_time SET prize_id = '" + other + "'",
               "is marked as won by a spin that won another");
}

TEST_F(VerifySpins, KnowsUnitsOfDrawsThatStaffHasDiscardedAndPointsThatHadLapsed) {
  const std::string prize = add_prize(40);
  store_.look();
  const auto sale = store_.sale("CUST-00002");
  auto drawn = store_.draw(sale, hub_.uuids.next()).value();
  drawn.terms = sync::sha256("{}");
  store_.history().add(drawn);
  store_.sync();
  ASSERT_EQ(dead_letters(), 1);
  discard();
  EXPECT_EQ(units(prize), "30/9/1");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});

  ASSERT_TRUE(store_.sell_and_spin("CUST-00002", true));
  store_.sync();
  ASSERT_EQ(spins(), 1);
  hub_.clock.wall += days{366};
  const UserId late = add_owner("CUST-00002");
  write([&](hub::db::Transaction& t) {
    return hub::wheel::claim_spins(t, terms_, {.id = hub_.uuids.next(), .at = hub_.clock.wall}, late,
                                   CustomerId("CUST-00002"));
  });
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE user_id IS NOT NULL AND lapsed = 1"), 1);
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
  expect_found("UPDATE spin SET lapsed = 0", "has given other points");
}

}  // namespace
}  // namespace perkline::test
