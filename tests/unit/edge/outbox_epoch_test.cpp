#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "edge/journal/outbox.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::journal {
namespace {

const StoreId store("store-1");

NewEvent sale(std::uint32_t number, WallTime time) {
  Uuid id;
  id.bytes[6] = 0x70;
  id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return {.id = id,
          .time = time,
          .traceparent = "",
          .payload = sync::SaleFinalized{.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
                                         .transaction = TransactionId("TXN-1"),
                                         .customer = CustomerId("CUST-12345"),
                                         .channel = ChannelId("POS-001"),
                                         .amount = Money{100, *find_currency("USD")},
                                         .earned = Points{1},
                                         .redeemed = Points{0},
                                         .new_balance = Points{number},
                                         .tier = "Gold",
                                         .receipt = ReceiptId("RCP-1"),
                                         .rules_version = "",
                                         .finalized_at = time}};
}

class OutboxEpochTest : public ::testing::Test {
 protected:
  OutboxEpochTest() { start(); }
  ~OutboxEpochTest() override { end(); }

  void start() {
    world = std::make_unique<test::SimWorld>(time);
    journal = std::make_unique<JournalMemory>(disk, world->clock());
    auto opened = Outbox::open(*journal, store);
    ASSERT_TRUE(opened) << opened.error().detail;
    outbox = std::move(*opened);
  }
  void end() {
    world.reset();
    outbox.reset();
    journal.reset();
  }
  void restart() {
    end();
    start();
  }
  static Task<bool> done(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }
  void run(Task<void> task) { test::run_task(*world, done(std::move(task))); }
  Task<void> selling(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      std::vector<NewEvent> events;
      events.push_back(sale(++sold, time.wall));
      co_await outbox->commit({}, std::move(events));
    }
  }
  void sell(std::uint32_t count) { run(selling(count)); }
  void ack(std::uint64_t sequence) { run(outbox->set_acked(sequence)); }
  std::uint64_t prune() { return test::run_task(*world, outbox->prune(Outbox::everything)).value(); }
  Result<Adopted> adopt(std::uint64_t epoch) { return test::run_task(*world, outbox->adopt(epoch)); }
  sync::Applied applied_here(std::uint64_t through) {
    return {.epoch = outbox->epoch(), .through = through, .hash = outbox->hash_at(through).value().value()};
  }
  void grant(std::uint64_t epoch, sync::Applied applied) {
    run(outbox->note_granted({.epoch = epoch, .applied = applied}));
  }
  /// The sales' numbers in the order of the present epoch, whose chain is checked on the way.
  std::vector<std::uint64_t> history() {
    std::vector<std::uint64_t> numbers;
    Digest hash = sync::chain_start(store, outbox->epoch());
    std::uint64_t sequence = 0;
    for (const auto& record : outbox->read(1, 10'000, std::size_t{1} << 30).value()) {
      const auto event = sync::decode_event(record.event).value();
      hash = sync::chain_next(hash, record.event);
      EXPECT_EQ(record.hash, hash);
      EXPECT_EQ(record.sequence, ++sequence);
      EXPECT_EQ(event.sequence, sequence);
      EXPECT_EQ(event.epoch, outbox->epoch());
      const std::uint64_t number = event.id.bytes[14] * 256u + event.id.bytes[15];
      EXPECT_EQ(std::get<sync::SaleFinalized>(event.payload).new_balance.count,
                static_cast<std::int64_t>(number));
      numbers.push_back(number);
    }
    EXPECT_EQ(outbox->tail(), sequence);
    EXPECT_EQ(outbox->tail_hash(), hash);
    return numbers;
  }
  static std::vector<std::uint64_t> from_to(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> numbers;
    for (; first <= last; ++first) numbers.push_back(first);
    return numbers;
  }

  test::VirtualTime time;
  MemoryDisk disk;
  std::unique_ptr<test::SimWorld> world;
  std::unique_ptr<JournalMemory> journal;
  std::unique_ptr<Outbox> outbox;
  std::uint32_t sold = 0;
};

TEST_F(OutboxEpochTest, WhatTheHubLacksIsNumberedFromOneUnderTheNewChainAndKeepsItsIds) {
  sell(10);
  ack(4);
  grant(2, applied_here(4));
  const auto adopted = adopt(2);
  ASSERT_TRUE(adopted) << adopted.error().detail;
  EXPECT_EQ(adopted->events, 6u);
  EXPECT_EQ(adopted->history_lost, false);
  EXPECT_EQ(outbox->epoch(), 2u);
  EXPECT_EQ(outbox->acked(), 0u);
  EXPECT_EQ(history(), from_to(5, 10));
  sell(2);
  EXPECT_EQ(history(), from_to(5, 12));
  restart();
  EXPECT_EQ(outbox->epoch(), 2u);
  EXPECT_EQ(history(), from_to(5, 12));
}

TEST_F(OutboxEpochTest, WithoutTheHubsWordEverythingKeptGoesAgainWhateverWasOnceAcknowledged) {
  sell(10);
  ack(10);
  const auto adopted = adopt(2);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->events, 10u);
  EXPECT_EQ(adopted->history_lost, false) << "nothing was ever removed";
  EXPECT_EQ(history(), from_to(1, 10));
  restart();
  EXPECT_EQ(history(), from_to(1, 10));
  ack(6);
  ASSERT_EQ(prune(), 6u);
  const auto again = adopt(3);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->history_lost, std::nullopt) << "whether the hub has what was removed, nobody has told";
  EXPECT_EQ(history(), from_to(7, 10));
}

TEST_F(OutboxEpochTest, AHubThatGoesOnWithThePresentEpochHasGrantedNothing) {
  sell(2);
  grant(2, applied_here(1));
  run(outbox->forget_granted());
  EXPECT_FALSE(outbox->granted());
  restart();
  EXPECT_FALSE(outbox->granted());
}

TEST_F(OutboxEpochTest, AHubThatWasRestoredMayGrantALowerEpochThanItOnceHad) {
  sell(2);
  grant(5, applied_here(2));
  grant(2, applied_here(1));
  EXPECT_EQ(outbox->granted()->epoch, 2u);
  ASSERT_TRUE(adopt(2));
  EXPECT_EQ(history(), from_to(2, 2));
}

TEST_F(OutboxEpochTest, WithEverythingAtTheHubTheNewEpochBeginsEmpty) {
  sell(3);
  ack(3);
  grant(5, applied_here(3));
  ASSERT_TRUE(adopt(5));
  EXPECT_EQ(outbox->tail(), 0u);
  restart();
  EXPECT_EQ(outbox->epoch(), 5u);
  EXPECT_EQ(outbox->tail(), 0u);
  EXPECT_EQ(outbox->tail_hash(), sync::chain_start(store, 5));
  sell(1);
  restart();
  EXPECT_EQ(history(), from_to(4, 4));
}

TEST_F(OutboxEpochTest, ARestoredHubGetsEveryKeptEventAfterItsCursorAckedOrNot) {
  sell(10);
  ack(8);
  grant(2, applied_here(3));
  restart();  // what was granted is kept
  ASSERT_TRUE(adopt(2));
  EXPECT_EQ(history(), from_to(4, 10));
  EXPECT_FALSE(outbox->granted());
}

TEST_F(OutboxEpochTest, AHubRestoredToAnEarlierEpochGetsWhatFollowedItsCursorThereAndInAllEpochsSince) {
  sell(10);
  ack(6);
  const auto yesterday = applied_here(2);
  grant(2, applied_here(6));
  ASSERT_TRUE(adopt(2));  // 7 to 10
  sell(5);                // up to 15
  ack(7);
  restart();
  grant(3, yesterday);
  const auto adopted = adopt(3);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->history_lost, false);
  EXPECT_EQ(history(), from_to(3, 15));
}

TEST_F(OutboxEpochTest, ARestoredStoreSendsAllItKeepsSinceNobodyKnowsWhereItsHistoryForked) {
  sell(10);
  ack(4);
  // The hub went on with the lost edge's events.
  grant(2, {.epoch = 1, .through = 25, .hash = {}});
  ASSERT_TRUE(adopt(2));
  EXPECT_EQ(history(), from_to(1, 10));
}

TEST_F(OutboxEpochTest, AHubThatForgotAndWentOnWithACloneGetsEverythingKept) {
  sell(10);
  ack(8);
  grant(2, {.epoch = 1, .through = 5, .hash = {}});  // another chain, and less than it once acknowledged
  ASSERT_TRUE(adopt(2));
  EXPECT_EQ(history(), from_to(1, 10));
}

TEST_F(OutboxEpochTest, WhatTheHubLacksAndIsNoLongerKeptIsTold) {
  sell(10);
  ack(9);
  const auto old = applied_here(2);
  ASSERT_EQ(prune(), 9u);
  grant(2, old);
  const auto adopted = adopt(2);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->history_lost, true);
  EXPECT_EQ(history(), from_to(10, 10));
}

TEST_F(OutboxEpochTest, TheChainBeforeTheOldestKeptEventIsStillKnown) {
  sell(5);
  ack(3);
  const auto third = outbox->hash_at(3).value();
  ASSERT_EQ(prune(), 3u);
  EXPECT_EQ(outbox->hash_at(3).value(), third);
  EXPECT_EQ(outbox->hash_at(2).value(), std::nullopt);
}

TEST_F(OutboxEpochTest, OnlyALaterEpochAndOnlyTheGrantedOneIsAdopted) {
  sell(1);
  EXPECT_EQ(adopt(1).error().code, Errc::validation_failed);
  grant(4, applied_here(0));
  EXPECT_EQ(adopt(3).error().code, Errc::validation_failed);
  EXPECT_TRUE(adopt(4));
  EXPECT_EQ(adopt(4).error().code, Errc::validation_failed);
}

TEST_F(OutboxEpochTest, SalesGoOnWhileTheEpochIsAdoptedAndNoneIsLostOrDoubled) {
  disk.sync_time = Millis{5};
  sell(1000);
  grant(2, applied_here(100));
  world->spawn(selling(400));
  std::optional<Result<Adopted>> adopted;
  world->spawn([](Outbox& of, std::optional<Result<Adopted>>& out) -> Task<void> {
    out = co_await of.adopt(2);
  }(*outbox, adopted));
  ASSERT_TRUE(world->run_until([&] { return adopted && outbox->epoch() == 2 && sold == 1400; }));
  sell(1);
  EXPECT_EQ(history(), from_to(101, 1401));
  restart();
  EXPECT_EQ(history(), from_to(101, 1401));
}

TEST_F(OutboxEpochTest, PowerLostAtAnyMomentLeavesTheOldEpochOrTheNewOneWhole) {
  sell(600);
  grant(2, applied_here(50));
  const MemoryDisk before = disk;
  const std::uint32_t sold_before = sold;
  bool saw_old = false;
  bool saw_new = false;
  for (std::uint64_t cut = 0; cut < 12; ++cut) {
    end();
    disk = before;
    disk.sync_time = Millis{5};
    sold = sold_before;
    start();
    world->spawn([](Outbox& of) -> Task<void> { (void)co_await of.adopt(2); }(*outbox));
    const std::uint64_t syncs = disk.syncs;
    world->run_until([&] { return disk.syncs >= syncs + cut; }, seconds{10});
    SeededRng chance(cut + 1);
    journal->crash(chance);
    restart();
    const bool adopted = outbox->epoch() == 2;
    (adopted ? saw_new : saw_old) = true;
    EXPECT_EQ(history(), adopted ? from_to(51, 600) : from_to(1, 600)) << "cut " << cut;
    // Either way it can be gone on from.
    if (!adopted) {
      ASSERT_TRUE(adopt(2));
    }
    sell(1);
    EXPECT_EQ(history(), from_to(51, 601)) << "cut " << cut;
  }
  EXPECT_TRUE(saw_old && saw_new);
}

}  // namespace
}  // namespace perkline::edge::journal
