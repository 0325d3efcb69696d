#include "edge/journal/outbox.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::journal {
namespace {

const StoreId store("store-1");

/// Amount and balance tell the events apart; the id is made of `number` too.
NewEvent sale(std::uint8_t number, WallTime time = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}) {
  Uuid id;
  id.bytes = {0x01, 0x90, 0x16, 0x3d, 0x86, 0x94, 0x73, 0x9b,
              0xae, 0xa5, 0x96, 0x6c, 0x26, 0xf8, 0xad, number};
  return {.id = id,
          .time = time,
          .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          .payload = sync::SaleFinalized{.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
                                         .transaction = TransactionId("TXN-67890"),
                                         .customer = CustomerId("CUST-12345"),
                                         .channel = ChannelId("POS-001"),
                                         .amount = Money{100 * number, *find_currency("USD")},
                                         .earned = Points{450},
                                         .redeemed = Points{0},
                                         .new_balance = Points{number},
                                         .tier = "Gold",
                                         .receipt = ReceiptId("RCP-1"),
                                         .rules_version = "",
                                         .finalized_at = time}};
}

std::vector<NewEvent> sales(std::uint8_t first, std::uint8_t last) {
  std::vector<NewEvent> events;
  for (std::uint8_t number = first; number <= last; ++number) events.push_back(sale(number));
  return events;
}

std::vector<NewEvent> only(NewEvent event) {
  std::vector<NewEvent> events;
  events.push_back(std::move(event));
  return events;
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() { start(); }
  ~OutboxTest() override { end(); }

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
  void run(Task<void> task) {
    struct Run {
      static Task<bool> inner(Task<void> wrapped) {
        co_await std::move(wrapped);
        co_return true;
      }
    };
    test::run_task(*world, Run::inner(std::move(task)));
  }
  void commit(std::vector<NewEvent> events) { run(outbox->commit(Batch(), std::move(events))); }
  void run_ready() {
    while (world->run_ready()) {
    }
  }
  std::uint64_t prune(std::uint64_t through_position) {
    return test::run_task(*world, outbox->prune(through_position)).value();
  }
  std::vector<Outbox::Record> all() { return outbox->read(1, 1000, 1 << 30).value(); }
  std::vector<std::uint64_t> sequences() {
    std::vector<std::uint64_t> found;
    for (const auto& record : all()) found.push_back(record.sequence);
    return found;
  }

  test::VirtualTime time;
  MemoryDisk disk;
  std::unique_ptr<test::SimWorld> world;
  std::unique_ptr<JournalMemory> journal;
  std::unique_ptr<Outbox> outbox;
};

using Sequences = std::vector<std::uint64_t>;

TEST_F(OutboxTest, AnEmptyOneIsAtTheStartOfEpochOne) {
  EXPECT_EQ(outbox->epoch(), 1u);
  EXPECT_EQ(outbox->tail(), 0u);
  EXPECT_EQ(outbox->tail_hash(), sync::chain_start(store, 1));
  EXPECT_EQ(outbox->hash_at(0).value(), sync::chain_start(store, 1));
  EXPECT_EQ(outbox->acked(), 0u);
  EXPECT_TRUE(all().empty());
}

TEST_F(OutboxTest, EventsAreSequencedAndChainedAsTheHubWillRecomputeIt) {
  commit(sales(1, 2));
  commit(sales(3, 3));
  Digest hash = sync::chain_start(store, 1);
  std::uint64_t sequence = 0;
  for (const auto& record : all()) {
    const auto event = sync::decode_event(record.event);
    ASSERT_TRUE(event);
    EXPECT_EQ(record.sequence, ++sequence);
    EXPECT_EQ(event->sequence, sequence);
    EXPECT_EQ(event->store, store);
    EXPECT_EQ(event->epoch, 1u);
    const NewEvent given = sale(static_cast<std::uint8_t>(sequence));
    EXPECT_EQ(event->id, given.id);
    EXPECT_EQ(event->time, given.time);
    EXPECT_EQ(event->traceparent, given.traceparent);
    EXPECT_EQ(event->payload, given.payload);
    hash = sync::chain_next(hash, record.event);
    EXPECT_EQ(record.hash, hash);
    EXPECT_EQ(outbox->hash_at(sequence).value(), hash);
  }
  EXPECT_EQ(sequence, 3u);
  EXPECT_EQ(outbox->tail(), 3u);
  EXPECT_EQ(outbox->tail_hash(), hash);
  EXPECT_EQ(outbox->hash_at(4).value(), std::nullopt);
}

TEST_F(OutboxTest, TheBatchAndItsEventsAreOneCommit) {
  Batch batch;
  batch.put(Family::sessions, "s", "finalized");
  run(outbox->commit(std::move(batch), sales(1, 1)));
  EXPECT_EQ(disk.syncs, 1u);
  EXPECT_EQ(journal->get(Family::sessions, "s").value(), "finalized");
  EXPECT_EQ(outbox->tail(), 1u);
}

TEST_F(OutboxTest, ABatchWithoutEventsLeavesTheHistoryAlone) {
  int grown = 0;
  outbox->on_growth([&] { ++grown; });
  Batch batch;
  batch.put(Family::sessions, "s", "active");
  run(outbox->commit(std::move(batch), {}));
  EXPECT_EQ(journal->get(Family::sessions, "s").value(), "active");
  EXPECT_EQ(outbox->tail(), 0u);
  EXPECT_EQ(grown, 0);
}

TEST_F(OutboxTest, TheOrderOfTheCallsIsTheOrderOfTheSequences) {
  disk.sync_time = Millis{5};
  for (std::uint8_t number = 1; number <= 20; ++number) {
    world->spawn(outbox->commit(Batch(), only(sale(number))));
  }
  EXPECT_TRUE(world->run_until([&] { return outbox->tail() == 20; }));
  for (const auto& record : all()) {
    const auto event = sync::decode_event(record.event);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id.bytes[15], record.sequence);
  }
}

TEST_F(OutboxTest, WhatIsNotDurableIsNotToldToTheHub) {
  disk.sync_time = Millis{5};
  commit(sales(1, 1));
  const Digest hash = outbox->tail_hash();
  world->spawn(outbox->commit(Batch(), sales(2, 3)));
  run_ready();
  EXPECT_EQ(outbox->tail(), 1u);
  EXPECT_EQ(outbox->tail_hash(), hash);
  EXPECT_EQ(outbox->hash_at(2).value(), std::nullopt);
  EXPECT_EQ(sequences(), Sequences{1});
  world->run_until([&] { return outbox->tail() == 3; });
  EXPECT_EQ(sequences(), (Sequences{1, 2, 3}));
}

TEST_F(OutboxTest, GrowthIsToldOnceTheEventsAreDurable) {
  std::vector<std::uint64_t> tails;
  outbox->on_growth([&] { tails.push_back(outbox->tail()); });
  commit(sales(1, 2));
  commit(sales(3, 3));
  EXPECT_EQ(tails, (Sequences{2, 3}));
}

TEST_F(OutboxTest, GoesOnWhereItWasAfterARestart) {
  commit(sales(1, 3));
  run(outbox->set_acked(2));
  const Digest hash = outbox->tail_hash();
  restart();
  EXPECT_EQ(outbox->tail(), 3u);
  EXPECT_EQ(outbox->tail_hash(), hash);
  EXPECT_EQ(outbox->acked(), 2u);
  commit(sales(4, 4));
  EXPECT_EQ(sequences(), (Sequences{1, 2, 3, 4}));
  EXPECT_EQ(outbox->tail_hash(), sync::chain_next(hash, all().back().event));
}

TEST_F(OutboxTest, SequencesStayContiguousWhateverACrashTakes) {
  disk.sync_time = Millis{5};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRng rng(seed);
    commit(sales(1, 1));
    const std::uint64_t acknowledged = outbox->tail();
    for (std::uint8_t i = 0; i < 4; ++i) world->spawn(outbox->commit(Batch(), sales(2, 3)));
    run_ready();
    journal->crash(rng);
    restart();
    EXPECT_GE(outbox->tail(), acknowledged);
    EXPECT_EQ((outbox->tail() - acknowledged) % 2, 0u) << "half a commit survived";
  }
  Digest hash = sync::chain_start(store, 1);
  std::uint64_t sequence = 0;
  for (const auto& record : outbox->read(1, 10'000, 1 << 30).value()) {
    ASSERT_EQ(record.sequence, ++sequence);
    ASSERT_EQ(record.hash, hash = sync::chain_next(hash, record.event));
  }
  EXPECT_EQ(sequence, outbox->tail());
  EXPECT_GT(sequence, 50u + 50u) << "some commits under way survived";
  EXPECT_LT(sequence, 50u * 9u) << "and some did not";
}

TEST_F(OutboxTest, ReadsFromASequenceWithinItsLimits) {
  commit(sales(1, 9));
  const std::size_t bytes = all()[3].event.size();
  const auto read = [&](std::uint64_t from, std::size_t events_max, std::size_t bytes_max) {
    Sequences found;
    for (const auto& record : outbox->read(from, events_max, bytes_max).value())
      found.push_back(record.sequence);
    return found;
  };
  EXPECT_EQ(read(4, 3, 1 << 20), (Sequences{4, 5, 6}));
  EXPECT_EQ(read(8, 100, 1 << 20), (Sequences{8, 9}));
  EXPECT_EQ(read(10, 100, 1 << 20), Sequences{});
  EXPECT_EQ(read(4, 100, 2 * bytes), (Sequences{4, 5}));
  EXPECT_EQ(read(4, 100, 2 * bytes - 1), Sequences{4});
  EXPECT_EQ(read(4, 100, 0), Sequences{4}) << "the first one always";
  EXPECT_EQ(read(4, 0, 1 << 20), Sequences{});
}

TEST_F(OutboxTest, AcknowledgementsMoveForwardOnly) {
  commit(sales(1, 5));
  run(outbox->set_acked(4));
  run(outbox->set_acked(2));
  EXPECT_EQ(outbox->acked(), 4u);
  const auto syncs = disk.syncs;
  run(outbox->set_acked(4));
  EXPECT_EQ(disk.syncs, syncs) << "nothing new, nothing written";
  restart();
  EXPECT_EQ(outbox->acked(), 4u);
}

TEST_F(OutboxTest, WhatTheHubHasForgottenIsNotAcknowledgedAnyMore) {
  commit(sales(1, 5));
  run(outbox->set_acked(4));
  run(outbox->lower_acked(5));
  EXPECT_EQ(outbox->acked(), 4u);
  run(outbox->lower_acked(2));
  EXPECT_EQ(outbox->acked(), 2u);
  EXPECT_EQ(prune(Outbox::everything), 2u);
  restart();
  EXPECT_EQ(outbox->acked(), 2u);
  EXPECT_EQ(sequences(), (Sequences{3, 4, 5}));
}

TEST_F(OutboxTest, PruningTakesWhatIsAckedUpToWhereItMayAndNothingElse) {
  for (std::uint8_t i = 1; i <= 8; ++i) commit(only(sale(i)));
  EXPECT_EQ(prune(Outbox::everything), 0u) << "nothing is acked";
  run(outbox->set_acked(6));
  EXPECT_EQ(outbox->acked_position(), 6u);
  EXPECT_EQ(prune(0), 0u);
  EXPECT_EQ(prune(3), 3u);
  EXPECT_EQ(sequences(), (Sequences{4, 5, 6, 7, 8}));
  EXPECT_EQ(outbox->hash_at(2).value(), std::nullopt);
  EXPECT_TRUE(outbox->hash_at(3).value()) << "that of the last one removed stays";
  EXPECT_EQ(outbox->hash_at(0).value(), sync::chain_start(store, 1));
  EXPECT_EQ(prune(3), 0u);
  EXPECT_EQ(prune(7), 3u);
  EXPECT_EQ(sequences(), (Sequences{7, 8}));
  restart();
  EXPECT_EQ(outbox->tail(), 8u);
}

TEST_F(OutboxTest, PruningKeepsTheLastEventSinceTheChainHangsOnIt) {
  commit(sales(1, 3));
  run(outbox->set_acked(3));
  const Digest hash = outbox->tail_hash();
  EXPECT_EQ(prune(Outbox::everything), 2u);
  EXPECT_EQ(prune(Outbox::everything), 0u);
  restart();
  EXPECT_EQ(outbox->tail(), 3u);
  EXPECT_EQ(outbox->tail_hash(), hash);
  commit(sales(4, 4));
  EXPECT_EQ(sequences(), (Sequences{3, 4}));
}

TEST_F(OutboxTest, HeldItKeepsEverythingAlsoAfterARestart) {
  commit(sales(1, 5));
  run(outbox->set_acked(4));
  run(outbox->hold(true));
  EXPECT_EQ(prune(Outbox::everything), 0u);
  restart();
  EXPECT_TRUE(outbox->is_held());
  EXPECT_EQ(prune(Outbox::everything), 0u);
  run(outbox->hold(false));
  restart();
  EXPECT_EQ(prune(Outbox::everything), 4u);
}

TEST_F(OutboxTest, PruningGoesInBoundedSlices) {
  for (int i = 0; i < 10; ++i) commit(sales(1, 200));
  run(outbox->set_acked(2000));
  const auto syncs = disk.syncs;
  EXPECT_EQ(prune(Outbox::everything), 1999u);
  EXPECT_GE(disk.syncs - syncs, 4u);
}

TEST_F(OutboxTest, AnotherStoresHistoryIsRefused) {
  commit(sales(1, 2));
  const auto opened = Outbox::open(*journal, StoreId("store-2"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST_F(OutboxTest, ADamagedEndIsRefused) {
  commit(sales(1, 2));
  const Entry last = journal->last(Family::outbox).value().value();
  const auto opens_with = [&](const std::string& value) {
    Batch batch;
    batch.put(Family::outbox, last.key, value);
    run(journal->commit(std::move(batch)));
    return Outbox::open(*journal, store);
  };
  std::string chain = last.value;
  chain[0] ^= 1;
  std::string event = last.value;
  event.back() ^= 1;
  for (const std::string& value : {chain, event, last.value.substr(0, 31), std::string()}) {
    const auto opened = opens_with(value);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
  }
  EXPECT_TRUE(opens_with(last.value));
}

TEST_F(OutboxTest, AGapInTheHistoryIsDamage) {
  commit(sales(1, 5));
  std::string key;
  append_u64(key, 3);
  Batch batch;
  batch.erase(Family::outbox, key);
  run(journal->commit(std::move(batch)));
  const auto read = outbox->read(1, 100, 1 << 20);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST_F(OutboxTest, AGapOrAChangeAmongTheLastEventsIsFoundWhenItIsOpened) {
  commit(sales(1, 5));
  std::string key;
  append_u64(key, 3);
  const std::string whole = journal->get(Family::outbox, key).value().value();
  std::string changed = whole;
  changed.back() ^= 1;
  for (const std::optional<std::string>& value : {std::optional(changed), std::optional<std::string>()}) {
    Batch batch;
    value ? batch.put(Family::outbox, key, *value) : batch.erase(Family::outbox, key);
    run(journal->commit(std::move(batch)));
    const auto opened = Outbox::open(*journal, store);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
  }
  Batch batch;
  batch.put(Family::outbox, key, whole);
  run(journal->commit(std::move(batch)));
  EXPECT_TRUE(Outbox::open(*journal, store));
}

TEST_F(OutboxTest, MoreAckedThanJournalledIsDamage) {
  Batch batch;
  std::string number;
  append_u64(number, 1);
  batch.put(Family::meta, "acked", number);
  run(journal->commit(std::move(batch)));
  const auto opened = Outbox::open(*journal, store);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

// --- what stores hold today must be read for ever ---

/// Lines of `family key value`, key and value in hex.
std::string dump(const Journal& journal) {
  std::string lines;
  for (const Family family : {Family::meta, Family::outbox}) {
    EXPECT_TRUE(journal.scan(family, "", [&](std::string_view key, std::string_view value) {
      lines += std::string(name_of(family)) + ' ' + to_hex(key) + ' ' + to_hex(value) + '\n';
      return true;
    }));
  }
  return lines;
}

std::string golden() {
  std::ifstream file(std::string(PERKLINE_GOLDEN_DIR) + "/outbox_1.hex");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST_F(OutboxTest, WritesTheBytesItAlwaysWrote) {
  commit(sales(1, 2));
  run(outbox->set_acked(1));
  EXPECT_EQ(dump(*journal), golden());
}

TEST_F(OutboxTest, ReadsTheBytesOfItsFirstVersion) {
  std::istringstream lines(golden());
  Batch batch;
  for (std::string family, key, value; lines >> family >> key >> value;) {
    batch.put(family == "meta" ? Family::meta : Family::outbox, from_hex(key).value(),
              from_hex(value).value());
  }
  run(journal->commit(std::move(batch)));
  const auto opened = Outbox::open(*journal, store);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->epoch(), 1u);
  EXPECT_EQ((*opened)->tail(), 2u);
  EXPECT_EQ((*opened)->acked(), 1u);
  const auto records = (*opened)->read(1, 10, 1 << 20).value();
  ASSERT_EQ(records.size(), 2u);
  for (const auto& record : records) {
    EXPECT_EQ(sync::decode_event(record.event).value().payload,
              sale(static_cast<std::uint8_t>(record.sequence)).payload);
  }
}

}  // namespace
}  // namespace perkline::edge::journal
