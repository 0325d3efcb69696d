#include "edge/uplink/uplink.hpp"

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "shared/core/limits.hpp"
#include "shared/sync/cursor.hpp"
#include "tests/support/sim_link.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::uplink {
namespace {

const StoreId store("store-1");

/// A hub that takes a store's history in as the real one does, without a database.
class ToyHub {
 public:
  Task<std::optional<std::string>> answer(std::string bytes) {
    if (silent) co_return std::nullopt;
    auto frame = sync::decode_frame(bytes);
    EXPECT_TRUE(frame);
    heard.push_back(*frame);
    if (const auto* hello = std::get_if<sync::Hello>(&*frame)) {
      ++hellos;
      if (granted && hello->epoch < cursor.epoch) {
        co_return sync::encode(
            sync::Fork{.epoch = cursor.epoch, .reason = sync::ForkReason::superseded, .applied = granted});
      }
      co_return std::visit([](const auto& verdict) { return sync::encode(verdict); },
                           sync::judge_hello(cursor, incarnation, *hello));
    }
    if (const auto* query = std::get_if<sync::SaleQuery>(&*frame)) {
      co_return sync::encode(sync::SaleAnswer{.known = {}, .unknown = query->sessions});
    }
    if (const auto* batch = std::get_if<sync::Batch>(&*frame)) {
      ++batches;
      co_return take_in(*batch);
    }
    co_return std::nullopt;
  }

  template <class Kind>
  std::vector<Kind> heard_of() const {
    std::vector<Kind> all;
    for (const auto& frame : heard) {
      if (const auto* kind = std::get_if<Kind>(&frame)) all.push_back(*kind);
    }
    return all;
  }

  sync::Cursor cursor = sync::first_cursor(store, 1);
  Uuid incarnation;
  std::optional<sync::Applied> granted;  ///< With the present epoch: what is applied of those before.
  std::vector<std::string> applied;
  std::vector<sync::Frame> heard;
  std::size_t hellos = 0;
  std::size_t batches = 0;
  bool silent = false;
  bool acks_lost = false;

 private:
  std::optional<std::string> take_in(const sync::Batch& batch) {
    const auto verdict = sync::judge_batch(cursor, batch);
    if (const auto* apply = std::get_if<sync::Apply>(&verdict)) {
      for (std::size_t i = apply->skip; i < batch.events.size(); ++i) applied.push_back(batch.events[i]);
      cursor = apply->after;
      if (acks_lost) return std::nullopt;
      return sync::encode(sync::Ack{.epoch = cursor.epoch, .through = cursor.sequence, .hash = cursor.hash});
    }
    if (const auto* nack = std::get_if<sync::Nack>(&verdict)) return sync::encode(*nack);
    if (const auto* fork = std::get_if<sync::Fork>(&verdict)) return sync::encode(*fork);
    ADD_FAILURE() << "a malformed batch";
    return std::nullopt;
  }
};

/// A SimLink whose reconnects are counted, and which can be full.
class WatchedLink final : public net::HubLink {
 public:
  explicit WatchedLink(test::SimLink& inner) : inner_(inner) {}
  Result<void> send(std::string frame) override {
    if (full) return fail(Errc::overloaded);
    return inner_.send(std::move(frame));
  }
  Task<Result<std::string>> receive(MonoTime deadline) override { return inner_.receive(deadline); }
  void reconnect() override {
    ++reconnects;
    inner_.reconnect();
  }
  net::LinkState state() const override { return state_now; }

  bool full = false;
  int reconnects = 0;
  net::LinkState state_now = net::LinkState::connected;

 private:
  test::SimLink& inner_;
};

class UplinkTest : public ::testing::Test {
 protected:
  UplinkTest() { boot(); }
  ~UplinkTest() override { world_.reset(); }

  /// A new life of the store's process on the same disk.
  void boot() {
    world_.reset();
    uplink_.reset();
    link_.reset();
    line_.reset();
    world_ = std::make_unique<test::SimWorld>(time_);
    journal_ = std::make_unique<journal::JournalMemory>(disk_, world_->clock());
    outbox_ = std::move(journal::Outbox::open(*journal_, store).value());
    line_ = std::make_unique<test::SimLink>(
        *world_, *world_, rng_, faults_, [this](std::string frame) { return hub_.answer(std::move(frame)); });
    link_ = std::make_unique<WatchedLink>(*line_);
    uplink_ = std::make_unique<Uplink>(
        *link_, *outbox_, world_->clock(),
        UplinkOptions{.store = store, .boot_id = {}, .status = [] {
                        return sync::Status{.breaker = "CLOSED", .queue_depth = 3, .version = "0.1.0"};
                      }});
    ended_ = false;
  }
  void start() {
    world_->spawn([](Uplink& uplink, bool& ended) -> Task<void> {
      co_await uplink.run();
      ended = true;
    }(*uplink_, ended_));
  }
  void add_sales(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<journal::NewEvent> events;
      events.push_back({.id = {}, .time = time_.wall, .traceparent = "", .payload = sale()});
      world_->spawn(outbox_->commit({}, std::move(events)));
    }
  }
  sync::SaleFinalized sale() {
    return {.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
            .transaction = TransactionId("T-" + std::to_string(++sales_)),
            .customer = CustomerId("CUST-12345"),
            .channel = ChannelId("POS-001"),
            .amount = Money{15000, *find_currency("USD")},
            .earned = Points{450},
            .redeemed = Points{0},
            .new_balance = Points{5450},
            .tier = "Gold",
            .receipt = ReceiptId("RCP-1"),
            .rules_version = "",
            .finalized_at = time_.wall};
  }
  bool until(const std::function<bool()>& so, Millis time_max = minutes{10}) {
    return world_->run_until(so, time_max);
  }
  void pass(Millis duration) {
    world_->run_until([] { return false; }, duration);
  }
  std::uint64_t prune() {
    return test::run_task(*world_, outbox_->prune(journal::Outbox::everything)).value();
  }
  bool all_acked() const { return outbox_->tail() > 0 && outbox_->acked() == outbox_->tail(); }
  /// Everything this store journalled, once, in order.
  void expect_applied_in_order() {
    ASSERT_EQ(hub_.applied.size(), outbox_->tail());
    for (std::size_t i = 0; i < hub_.applied.size(); ++i)
      EXPECT_EQ(sync::decode_event(hub_.applied[i]).value().sequence, i + 1);
  }

  test::VirtualTime time_;
  SeededRng rng_{1};
  test::LineFaults faults_;
  journal::MemoryDisk disk_;
  ToyHub hub_;
  std::unique_ptr<test::SimWorld> world_;
  std::unique_ptr<journal::JournalMemory> journal_;
  std::unique_ptr<journal::Outbox> outbox_;
  std::unique_ptr<test::SimLink> line_;
  std::unique_ptr<WatchedLink> link_;
  std::unique_ptr<Uplink> uplink_;
  std::size_t sales_ = 0;
  bool ended_ = false;
};

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
  EXPECT_EQ(hello.status,
            (sync::Status{.tail = 2, .breaker = "CLOSED", .queue_depth = 3, .version = "0.1.0"}));
}

TEST_F(UplinkTest, AHubBeyondTheTailStopsSyncAndNothingIsSent) {
  hub_.cursor.sequence = 5;
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  EXPECT_NE(uplink_->standing().reason.find("more of this store"), std::string::npos);
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
}

TEST_F(UplinkTest, ASupersededEpochStopsSyncAndNamesTheNewOne) {
  hub_.cursor = sync::first_cursor(store, 2);
  add_sales(1);
  start();
  ASSERT_TRUE(until([&] { return uplink_->standing().kind == Standing::Kind::stopped; }));
  EXPECT_NE(uplink_->standing().reason.find("epoch 2"), std::string::npos);
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
