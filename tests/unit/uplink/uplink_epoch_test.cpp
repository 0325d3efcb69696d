#include "tests/unit/uplink/uplink_subject.hpp"

/// Forks, lost history, restored hubs, new epochs.
namespace perkline::edge::uplink {
namespace {

TEST_F(UplinkTest, AHubBeyondTheTailStopsSyncAndNothingIsSent) {
  hub_.cursor.sequence = 5;
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  EXPECT_NE(uplink_->standing().reason.find("more of this store"), std::string::npos);
  EXPECT_TRUE(uplink_->standing().is_forked);
  add_sales(1);
  pass(seconds{20});
  EXPECT_EQ(hub_.batches, 0u);
}

TEST_F(UplinkTest, ARestoredStoreFindsTheForkByItsOwnChainAndTellsTheHub) {
  add_sales(10);
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10; }));
  hub_.cursor = {.epoch = 1, .sequence = 4, .hash = {}};  // of another history
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  EXPECT_NE(uplink_->standing().reason.find("another history"), std::string::npos);
  pass(Millis{1});
  const auto told = hub_.heard_of<sync::Fork>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.front(), (sync::Fork{.epoch = 1, .reason = sync::ForkReason::hash_differs}));
  EXPECT_EQ(hub_.batches, 0u);
}

TEST_F(UplinkTest, AForkThatAPersonMendedAtTheHubHealsByItself) {
  hub_.cursor.sequence = 5;
  add_sales(3);
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  hub_.cursor = sync::first_cursor(store, 1);
  ASSERT_TRUE(until([&] { return all_acked(); }, minutes{1}));
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
  EXPECT_TRUE(uplink_->standing().reason.empty());
  EXPECT_FALSE(uplink_->standing().is_forked);
}

TEST_F(UplinkTest, ASupersededEpochStopsSyncAndNamesTheNewOne) {
  hub_.cursor = sync::first_cursor(store, 2);
  add_sales(1);
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  EXPECT_NE(uplink_->standing().reason.find("epoch 2"), std::string::npos);
  EXPECT_TRUE(uplink_->standing().is_forked);
}

TEST_F(UplinkTest, AForkOfAnotherEpochIsLateNewsAndChangesNothing) {
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::streaming; }));
  for (const sync::Fork& late : {sync::Fork{.epoch = 1, .reason = sync::ForkReason::superseded},
                                 sync::Fork{.epoch = 1, .reason = sync::ForkReason::epoch_unknown},
                                 sync::Fork{.epoch = 2, .reason = sync::ForkReason::hash_differs}}) {
    line_->deliver(sync::encode(late));
    pass(Millis{1});
    EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
  }
}

TEST_F(UplinkTest, HistoryThatIsNoLongerKeptIsNamed) {
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10 && all_acked(); }));
  ASSERT_GT(prune(), 0u);
  const Digest start_hash = sync::chain_start(store, 1);
  hub_.cursor = {.epoch = 1, .sequence = 3, .hash = start_hash};
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }, seconds{30}));
  EXPECT_NE(uplink_->standing().reason.find("history lost"), std::string::npos);
}

TEST_F(UplinkTest, HistoryLostIsToldToTheHubAndGoesOnBehindTheGapOnceItIsAccepted) {
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10 && all_acked(); }));
  const Digest ninth = outbox_->hash_at(9).value().value();
  ASSERT_EQ(prune(), 9u);
  hub_.cursor = {.epoch = 1, .sequence = 3, .hash = {}};
  ASSERT_TRUE(until([&] { return !hub_.heard_of<sync::HistoryLost>().empty(); }, seconds{30}));
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::stopped);
  const auto lost = hub_.heard_of<sync::HistoryLost>().front();
  EXPECT_EQ(lost, (sync::HistoryLost{.epoch = 1, .through = 9, .hash = ninth}));
  hub_.cursor = {.epoch = 1, .sequence = lost.through, .hash = lost.hash};
  ASSERT_TRUE(until([&] { return hub_.cursor.sequence == 10; }, minutes{2}));
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
}

TEST_F(UplinkTest, AForkThatAnotherProcessWasMeantToHearStopsNothing) {
  add_sales(5);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 5 && all_acked(); }));
  for (int i = 0; i < 3; ++i) {
    line_->deliver(sync::encode(sync::Fork{.epoch = 1, .reason = sync::ForkReason::hash_differs}));
    pass(seconds{1});
    EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
  }
  add_sales(1);
  EXPECT_TRUE(until([&] { return hub_.cursor.sequence == 6; }, seconds{30}));
}

TEST_F(UplinkTest, AForkThatTheHubTellsAgainStopsSync) {
  add_sales(5);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 5 && all_acked(); }));
  hub_.cursor.hash = {};  // another history of the same length
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }, minutes{1}));
}

TEST_F(UplinkTest, AGrantedEpochIsKeptAndOnceAdoptedStreamsAllThatTheHubLacks) {
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10 && all_acked(); }));
  // The hub is restored to the fourth event, and grants an epoch.
  const sync::Applied applied{.epoch = 1, .through = 4, .hash = outbox_->hash_at(4).value().value()};
  hub_.cursor = sync::first_cursor(store, 2);
  hub_.granted = applied;
  hub_.applied.clear();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }, seconds{30}));
  ASSERT_TRUE(until([&] { return outbox_->granted() && outbox_->granted()->applied == applied; }));
  EXPECT_EQ(outbox_->acked(), 4u) << "more the hub does not know any more";
  boot();
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  const auto adopted = test::run_task(*world_, uplink_->adopt(2));
  ASSERT_TRUE(adopted) << adopted.error().detail;
  EXPECT_EQ(adopted->events, 6u);
  add_sales(1);
  ASSERT_TRUE(until([&] { return hub_.cursor.sequence == 7; }, seconds{5}));
  expect_applied_in_order();
  EXPECT_EQ(uplink_->standing().kind, Standing::Kind::streaming);
}

TEST_F(UplinkTest, AnEpochThatIsAdoptedAsSoonAsItIsGrantedLeavesOutNothingThatARestoredHubLacks) {
  add_sales(3);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 3 && all_acked(); }));
  const auto applied = [this](std::uint64_t through) {
    return sync::Applied{.epoch = 1, .through = through, .hash = outbox_->hash_at(through).value().value()};
  };
  const sync::Applied yesterday = applied(2);
  hub_.granted = applied(3);
  hub_.cursor = sync::first_cursor(store, 2);
  ASSERT_TRUE(test::run_task(*world_, uplink_->adopt(2)));
  add_sales(3);
  ASSERT_TRUE(until([&] { return outbox_->tail() == 3 && all_acked(); }));
  // Restored to before this store's epoch, so that the store stops and asks twice a minute only.
  hub_.cursor = {.epoch = 1, .sequence = yesterday.through, .hash = yesterday.hash};
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }, minutes{1}));
  EXPECT_NE(uplink_->standing().reason.find("it was restored"), std::string::npos);
  EXPECT_EQ(outbox_->acked(), 0u);
  EXPECT_EQ(prune(), 0u);
  hub_.applied.clear();
  hub_.cursor = sync::first_cursor(store, 3);
  hub_.granted = yesterday;
  ASSERT_FALSE(outbox_->granted());
  const MonoTime before = time_.mono;
  const auto adopted = test::run_task(*world_, uplink_->adopt(3));
  ASSERT_TRUE(adopted) << adopted.error().detail;
  EXPECT_LT(time_.mono - before, seconds{1}) << "the hub was asked at once";
  EXPECT_EQ(adopted->events, 4u);
  EXPECT_EQ(adopted->history_lost, false);
  ASSERT_TRUE(until([&] { return hub_.cursor.sequence == 4; }, seconds{5}));
  expect_applied_in_order();
}

TEST_F(UplinkTest, AHubThatCannotBeAskedHoldsNoAdoptionUpAndGetsEverythingKept) {
  add_sales(3);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 3 && all_acked(); }));
  hub_.silent = true;
  const MonoTime before = time_.mono;
  const auto adopted = test::run_task(*world_, uplink_->adopt(2));
  ASSERT_TRUE(adopted) << adopted.error().detail;
  EXPECT_EQ(time_.mono - before, Uplink::grant_patience);
  EXPECT_EQ(adopted->events, 3u);
  hub_.silent = false;
  hub_.applied.clear();
  hub_.cursor = sync::first_cursor(store, 2);
  ASSERT_TRUE(until([&] { return all_acked(); }, minutes{1}));
  expect_applied_in_order();
}

TEST_F(UplinkTest, AnEpochThatTheHubHasNotGrantedIsNotAdopted) {
  add_sales(1);
  start();
  ASSERT_TRUE(until([&] { return all_acked(); }));
  const auto adopted = test::run_task(*world_, uplink_->adopt(2));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, Errc::validation_failed);
  EXPECT_NE(adopted.error().detail.find("goes on with epoch 1"), std::string::npos);
  EXPECT_EQ(outbox_->epoch(), 1u);
  add_sales(1);
  EXPECT_TRUE(until([&] { return hub_.cursor.sequence == 2; }, seconds{5}));
}

TEST_F(UplinkTest, WhileTheHubDoesNotGoOnNothingIsRemovedThatItMayLack) {
  const auto stopped = [&] {
    return until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }, minutes{1});
  };
  const auto set_up = [&](std::uint64_t pruned) {
    disk_ = {};
    hub_ = {};
    boot();
    add_sales(20);
    start();
    ASSERT_TRUE(until([&] { return outbox_->tail() == 20 && all_acked(); }));
    ASSERT_EQ(test::run_task(*world_, outbox_->prune(pruned)).value(), pruned);
  };
  struct Case {
    std::string name;
    std::uint64_t pruned;
    std::function<void()> hub;
    std::uint64_t acked;
  };
  const std::vector<Case> cases{
      {"history lost", 14, [&] { hub_.cursor = {.epoch = 1, .sequence = 13, .hash = {}}; }, 13},
      {"another history", 0, [&] { hub_.cursor = {.epoch = 1, .sequence = 6, .hash = {}}; }, 6},
      {"a granted epoch", 0,
       [&] {
         hub_.cursor = sync::first_cursor(store, 2);
         hub_.granted = sync::Applied{.epoch = 1, .through = 5, .hash = {}};
       },
       5}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    set_up(each.pruned);
    each.hub();
    ASSERT_TRUE(stopped());
    pass(Millis{1});
    EXPECT_EQ(uplink_->standing().acknowledged, each.acked) << "its lag is the truth";
    EXPECT_EQ(prune(), 0u);
    boot();
    EXPECT_EQ(prune(), 0u) << "also before the hub has said so again";
    // The hub goes on again: what it has may go.
    hub_.granted.reset();
    hub_.cursor = {.epoch = 1, .sequence = 17, .hash = outbox_->hash_at(17).value().value()};
    start();
    ASSERT_TRUE(until([&] { return all_acked(); }, minutes{1}));
    EXPECT_EQ(prune(), 19 - each.pruned);
    world_.reset();
  }
}

TEST_F(UplinkTest, AHubOfAnotherIncarnationHasForgottenWhatItAcknowledged) {
  hub_.incarnation.bytes[0] = 1;
  add_sales(10);
  start();
  ASSERT_TRUE(until([&] { return outbox_->tail() == 10 && all_acked(); }));
  boot();
  hub_.cursor = {.epoch = 1, .sequence = 4, .hash = outbox_->hash_at(4).value().value()};
  hub_.applied.resize(4);
  hub_.incarnation.bytes[0] = 2;
  hub_.acks_lost = true;
  start();
  ASSERT_TRUE(until([&] { return outbox_->acked() == 4; }, seconds{5}));
  hub_.acks_lost = false;
  ASSERT_TRUE(until([&] { return all_acked(); }, minutes{1}));
  expect_applied_in_order();
}

TEST_F(UplinkTest, TheHubIsAskedAboutSalesAlsoWhileTheStoreHasForked) {
  hub_.cursor.sequence = 5;
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  const SessionId session("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  const auto answer = test::run_task(*world_, uplink_->ask({session}, time_.mono + seconds{10}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->unknown, std::vector<SessionId>{session});
  hub_.silent = true;
  EXPECT_FALSE(test::run_task(*world_, uplink_->ask({session}, time_.mono + seconds{10})));
}

}  // namespace
}  // namespace perkline::edge::uplink
