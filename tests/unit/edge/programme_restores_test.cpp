#include "tests/unit/edge/spins_fixture.hpp"

namespace perkline::edge::programme {
namespace {

TEST_F(SpinsTest, ARestoredJournalIsAnotherHolderAndClosesTheDaysSeeds) {
  only_stocked(3);
  catalogue.gone(sync::ItemKind::wheel_seed, format_day(today()));
  offer();
  ASSERT_TRUE(spin(sold("T-1"))) << "with tomorrow's seed";
  const Till earlier = sold("T-0");
  const Uuid before = holder();
  skip(Millis{1});
  journal::Batch mark;
  put(mark, journal::Restored{.backed_up_at = outside.time.wall, .restored_at = outside.time.wall});
  commit(std::move(mark));
  seeds();
  start();
  EXPECT_NE(holder(), before);
  EXPECT_EQ(refused(request_of(earlier)), Errc::session_state) << "it may have had one that was lost";
  EXPECT_TRUE(spin(till_of("T-1"))->replayed);
  const Till till = sold("T-2");
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available) << "of the old lease nothing is drawn";
  lease("lease-2", "prize-s", 1);
  ASSERT_TRUE(spin(till));
  expect_proven(drawn().back(), today() + days{2});
  const Uuid now = holder();
  start();
  EXPECT_EQ(holder(), now) << "until the next restore";
  pass(days{8});
  for (const auto& returned : told<sync::LeaseReturned>()) EXPECT_NE(returned.lease, "lease-1");
}

TEST_F(SpinsTest, TwoRestoresOfOneBackupRepeatNoDraw) {
  const journal::MemoryDisk backup = outside.disk;
  const auto restore_and_spin = [&](const std::string& transaction) {
    end();
    outside.disk = backup;
    life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}});
    journal::Batch mark;
    put(mark, journal::Restored{.backed_up_at = outside.time.wall, .restored_at = outside.time.wall});
    commit(std::move(mark));
    start();
    skip(seconds{1});
    EXPECT_TRUE(spin(sold(transaction + "-1")));
    EXPECT_TRUE(spin(sold(transaction + "-2")));
    return drawn();
  };
  const auto first = restore_and_spin("T-1");
  const auto again = restore_and_spin("T-2");
  ASSERT_EQ(first.size(), 2u);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(first[0].commitment, again[0].commitment) << "by the same seed";
  EXPECT_EQ(first[1].nonce, first[0].nonce + 1);
  EXPECT_GT(again[0].nonce, first[1].nonce);
  for (const auto& event : again) expect_proven(event, today() + days{1});
}

TEST_F(SpinsTest, ANewEpochIsAnotherHolderToo) {
  const Uuid before = holder();
  ASSERT_TRUE(life->run(life->outbox->adopt(2)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Uuid renewed = holder();
  EXPECT_NE(renewed, before);
  ASSERT_TRUE(life->run(programme->renew_holder()));
  EXPECT_EQ(holder(), renewed) << "once";
  ASSERT_TRUE(spin(sold("T-1")));
  expect_proven(drawn()[0], today() + days{1});
  // Cut short between the two, it is found at the start.
  ASSERT_TRUE(life->run(life->outbox->adopt(3)));
  start();
  EXPECT_NE(holder(), renewed);
}

TEST_F(SpinsTest, AClockThatWasAheadWhenTheHolderWasMadeClosesNoMoreThanItMust) {
  const WallTime right = outside.time.wall;
  outside.time.wall += days{400};
  ASSERT_TRUE(life->run(life->outbox->adopt(2)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Till till = sold("T-1");
  EXPECT_EQ(refused(request_of(till)), Errc::overloaded);
  start();
  outside.time.wall = right;
  ASSERT_TRUE(spin(till));
  expect_proven(drawn()[0], today() + days{1});

  // Ahead by less than there are seeds: the last of them is closed, and the next one opens the wheel.
  outside.time.wall += days{4};
  ASSERT_TRUE(life->run(life->outbox->adopt(3)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Till next = sold("T-2");
  EXPECT_EQ(refused(request_of(next)), Errc::overloaded);
  outside.time.wall = right;
  catalogue.seed(today() + days{5});
  offer();
  ASSERT_TRUE(spin(next));
  expect_proven(drawn()[1], today() + days{5});
}

TEST_F(SpinsTest, ARestoreByAClockThatIsBehindForgetsNoSpin) {
  const Till before = sold("T-0");
  ASSERT_TRUE(spin(sold("T-1")));
  const WallTime right = outside.time.wall;
  journal::Batch mark;
  outside.time.wall -= days{1'000};
  put(mark, journal::Restored{.backed_up_at = right, .restored_at = outside.time.wall});
  commit(std::move(mark));
  start();
  EXPECT_EQ(refused(request_of(before)), Errc::session_state) << "it may have had one that was lost";
  const Till till = sold("T-2");
  EXPECT_EQ(refused(request_of(till)), Errc::overloaded) << "of which day the lost draws were is not known";
  outside.time.wall = right;
  ASSERT_TRUE(spin(till));
  expect_proven(drawn().back(), today() + days{1});

  outside.time.wall -= days{1'000};
  journal::Batch again;
  put(again, journal::Restored{.backed_up_at = right, .restored_at = outside.time.wall});
  commit(std::move(again));
  start();
  EXPECT_TRUE(spin(till)->replayed);
  const Till late = sold("T-3");
  skip(Programme::clock_wait);
  EXPECT_EQ(refused(request_of(late)), Errc::overloaded) << "all that there was may have been drawn with";
  catalogue.seed(utc_day(right) + days{5});
  offer();
  ASSERT_TRUE(spin(late));
  expect_proven(drawn().back(), utc_day(right) + days{5});
}

}  // namespace
}  // namespace perkline::edge::programme
