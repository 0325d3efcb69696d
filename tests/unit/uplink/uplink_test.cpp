#include "shared/core/limits.hpp"
#include "tests/unit/uplink/uplink_subject.hpp"

namespace perkline::edge::uplink {
namespace {

TEST_F(UplinkTest, WhatIsJournalledReachesTheHubInOrder) {
  add_sales(20);
  start();
  ASSERT_TRUE(until([&] { return all_acked() && outbox_->tail() == 20; }));
  expect_applied_in_order();
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
  EXPECT_EQ(uplink_->standing().acknowledged, 20u);
}

TEST_F(UplinkTest, ANewEventIsSentAtOnceNotAtTheNextTick) {
  start();
  ASSERT_TRUE(until([&] { return hub_.hellos == 1; }));
  add_sales(1);
  const MonoTime before = time_.mono;
  ASSERT_TRUE(until([&] { return all_acked(); }));
  EXPECT_EQ(time_.mono, before);
}

TEST_F(UplinkTest, AManyTimesFullWindowIsSentInBatchesWithinTheLimits) {
  add_sales(limits::sync_batch_events_max * (limits::sync_window_batches + 2));
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == sales_ && all_acked(); }));
  expect_applied_in_order();
  for (const auto& batch : hub_.heard_of<sync::Batch>())
    EXPECT_LE(batch.events.size(), limits::sync_batch_events_max);
}

TEST_F(UplinkTest, ABatchTellsWhatTheStoresClockShowsWhenItIsSent) {
  add_sales(1);
  start();
  ASSERT_TRUE(until([&] { return all_acked(); }));
  ASSERT_EQ(hub_.heard_of<sync::Batch>().size(), 1u);
  EXPECT_EQ(hub_.heard_of<sync::Batch>().at(0).sent_at, time_.wall);
}

TEST_F(UplinkTest, ABadLineLosesNothingAndAppliesNothingTwice) {
  faults_ = {.lost = 0.3, .doubled = 0.3, .delay_max = Millis{2000}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    disk_ = {};
    hub_ = {};
    sales_ = 0;
    rng_ = SeededRng(seed);
    boot();
    start();
    for (int burst = 0; burst < 10; ++burst) {
      add_sales(30);
      pass(seconds{3});
    }
    ASSERT_TRUE(until([&] { return outbox_->tail() == 300 && all_acked(); }, hours{1})) << "seed " << seed;
    expect_applied_in_order();
  }
}

TEST_F(UplinkTest, ARestartGoesOnWhereTheHubIs) {
  hub_.acks_lost = true;
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return hub_.cursor.sequence == 10; }));
  EXPECT_EQ(outbox_->acked(), 0u);
  boot();
  hub_.acks_lost = false;
  start();
  // The Welcome alone says it: nothing new is to be sent.
  ASSERT_TRUE(until([&] { return all_acked(); }));
  expect_applied_in_order();
}

TEST_F(UplinkTest, AcksThatAreLostAreMadeGoodByTheNextWelcome) {
  start();
  ASSERT_TRUE(until([&] { return hub_.hellos == 1; }));
  hub_.acks_lost = true;
  add_sales(1);
  ASSERT_TRUE(until([&] { return all_acked(); }, minutes{1}));
  EXPECT_EQ(hub_.hellos, 2u);
  expect_applied_in_order();
}

TEST_F(UplinkTest, ASilentHubIsLeftForTheNextEndpointAgainAndAgain) {
  hub_.silent = true;
  add_sales(1);
  start();
  pass(limits::sync_silence_max + seconds{1});
  EXPECT_EQ(link_->reconnects, 1);
  pass(limits::sync_silence_max);
  EXPECT_EQ(link_->reconnects, 2);
  hub_.silent = false;
  EXPECT_TRUE(until([&] { return all_acked(); }, minutes{1}));
}

TEST_F(UplinkTest, AnIdleStoreKeepsAskingAndIsNeverCutOff) {
  start();
  pass(minutes{10});
  EXPECT_EQ(link_->reconnects, 0);
  EXPECT_NEAR(static_cast<double>(hub_.hellos), 60, 2);
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
  EXPECT_GT(uplink_->standing().last_heard, time_.mono - seconds{11});
}

TEST_F(UplinkTest, AnIdleStoreNoticesThatTheHubWentBack) {
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10 && all_acked(); }));
  hub_.cursor = {.epoch = 1, .sequence = 4, .hash = outbox_->hash_at(4).value().value()};
  hub_.applied.resize(4);
  ASSERT_TRUE(until([&] { return hub_.cursor.sequence == 10; }, seconds{15}));
  expect_applied_in_order();
}

TEST_F(UplinkTest, AStatusIsToldWithHello) {
  add_sales(2);
  ASSERT_TRUE(until([&] { return outbox_->tail() == 2; }));
  start();
  ASSERT_TRUE(until([&] { return hub_.hellos > 0; }));
  const auto hello = hub_.heard_of<sync::Hello>().front();
  EXPECT_EQ(hello.tail, 2u);
  EXPECT_EQ(hello.tail_hash, outbox_->tail_hash());
  EXPECT_EQ(hello.status.epoch, hello.epoch);
  EXPECT_EQ(hello.status.tail, 2u);
  EXPECT_EQ(hello.status.breaker, "CLOSED");
  EXPECT_EQ(hello.status.queue_depth, 3u);
  EXPECT_EQ(hello.status.version, "0.1.0");
}

TEST_F(UplinkTest, AFullLinkLosesNothing) {
  link_->full = true;
  add_sales(5);
  start();
  pass(seconds{7});
  link_->full = false;
  EXPECT_TRUE(until([&] { return outbox_->tail() == 5 && all_acked(); }, minutes{1}));
  expect_applied_in_order();
}

TEST_F(UplinkTest, BytesThatAreNoFrameAreIgnored) {
  start();
  ASSERT_TRUE(until([&] { return hub_.hellos == 1; }));
  line_->deliver("no frame");
  add_sales(1);
  EXPECT_TRUE(until([&] { return all_acked(); }));
}

TEST_F(UplinkTest, ARefusedKeyIsTold) {
  start();
  link_->state_now = net::LinkState::refused;
  hub_.silent = true;
  pass(seconds{1});
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::refused);
}

TEST_F(UplinkTest, StoppedNothingOfItRunsAnyMore) {
  start();
  ASSERT_TRUE(until([&] { return hub_.hellos == 1; }));
  uplink_->stop();
  ASSERT_TRUE(until([&] { return ended_; }, Millis{1}));
  uplink_.reset();  // what still ran would now be found out
  line_->deliver(sync::encode(sync::Nack{.epoch = 1, .expected = 1}));
  add_sales(1);
  pass(seconds{60});
  EXPECT_EQ(hub_.batches, 0u);
}

}  // namespace
}  // namespace perkline::edge::uplink
