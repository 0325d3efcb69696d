#include <algorithm>
#include <fstream>
#include <iterator>

#include "edge/journal/high_water.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/journal/restored.hpp"
#include "tests/contract/edge/child.hpp"
#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

std::string sequence_key(std::uint64_t sequence) {
  std::string key;
  append_u64(key, sequence);
  return key;
}

Batch event(std::uint64_t sequence) {
  Batch batch;
  batch.put(Family::outbox, sequence_key(sequence),
            std::string(32, static_cast<char>(sequence)) + "event " + std::to_string(sequence));
  return batch;
}

HighWater mark_at(std::uint64_t sequence) {
  HighWater mark{.sequence = sequence, .hash = {}};
  mark.hash.fill(static_cast<std::uint8_t>(sequence));
  return mark;
}

// --- RocksDB refuses ---

class Refused : public ::testing::Test {
 protected:
  static constexpr std::uint64_t events = 60;

  void SetUp() override {
    for (std::uint64_t i = 1; i <= events; ++i) host_.commit(event(i));
    host_.close();
    flip_a_bit();
  }
  fs::path in(const std::string& name) const { return host_.folder() / name; }
  fs::path log() const {
    for (const auto& file : fs::directory_iterator(in("db"))) {
      if (file.path().extension() == ".log" && file.file_size() > 0) return file.path();
    }
    return {};
  }
  /// Amid the log: some forty events lie before it.
  void flip_a_bit() {
    std::fstream file(log(), std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(fs::file_size(log()) * 2 / 3);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 4);
    file.seekp(at);
    file.put(byte);
  }
  std::string damaged_log() const {
    std::ifstream file(log(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::uint64_t tail() { return read_u64(host_.journal().last(Family::outbox).value().value().key); }

  RocksHost host_;
};

TEST_F(Refused, AnOpenedCopyThatReachesTheMarkTakesItsPlaceAndIsMarkedAsRestored) {
  ASSERT_TRUE(write_high_water(in("high_water"), mark_at(20)));
  const std::string bytes = damaged_log();
  host_.reopen();
  EXPECT_GE(tail(), 20u);
  EXPECT_LT(tail(), events);
  const auto restored = read_restored(host_.journal()).value();
  ASSERT_TRUE(restored)
      << "a second's sales may be missing: nothing is settled before PDI and hub were asked";
  EXPECT_GT(restored->restored_at, WallTime{});
  EXPECT_FALSE(fs::exists(in("db.copying")));
  ASSERT_TRUE(fs::exists(in("db.damaged")));
  host_.commit(event(tail() + 1));
  host_.reopen();

  host_.close();
  fs::remove_all(in("db"));
  fs::rename(in("db.damaged"), in("db"));
  EXPECT_EQ(damaged_log(), bytes) << "the original is as it was";
}

TEST_F(Refused, ACopyThatLacksWhatTheMarkVouchesForIsKeptAndTheJournalStaysClosed) {
  const std::string bytes = damaged_log();
  const auto opened = host_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  const std::string& what = opened.error().detail;
  for (const std::string& told :
       {in("db").string(), in("db.salvage").string(), std::string("sequence 60 was on disk"),
        std::string("perkline-edge restore"), std::string("perkline-hub store new-epoch"),
        "mv " + in("db").string() + ' ' + in("db.damaged").string()})
    EXPECT_NE(what.find(told), std::string::npos) << told << " in: " << what;
  EXPECT_EQ(damaged_log(), bytes);
  EXPECT_TRUE(fs::exists(in("db.salvage")));
}

TEST_F(Refused, IsCopiedOnceHoweverOftenItIsStarted) {
  ASSERT_FALSE(host_.open());
  fs::remove(*fs::directory_iterator(in("db.salvage")));
  std::vector<std::string> before;
  for (const auto& file : fs::directory_iterator(in("db.salvage"))) before.push_back(file.path().filename());
  for (int start = 0; start < 3; ++start) {
    const auto opened = host_.open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().detail.find("db.salvage"), std::string::npos) << opened.error().detail;
    EXPECT_FALSE(fs::exists(in("db.copying")));
  }
  std::vector<std::string> after;
  for (const auto& file : fs::directory_iterator(in("db.salvage"))) after.push_back(file.path().filename());
  EXPECT_EQ(after, before);
}

TEST_F(Refused, WhatItAdvisesWithoutABackupOpensAndIsMarkedAsRestored) {
  ASSERT_FALSE(host_.open());
  fs::rename(in("db"), in("db.damaged"));
  fs::rename(in("db.salvage"), in("db"));
  fs::remove(in("high_water"));
  host_.reopen();
  EXPECT_GT(tail(), 20u);
  EXPECT_TRUE(read_restored(host_.journal()).value());
}

TEST_F(Refused, ASecondDamageWaitsForAPerson) {
  ASSERT_TRUE(write_high_water(in("high_water"), mark_at(20)));
  host_.reopen();
  for (std::uint64_t i = tail() + 1; i <= events; ++i) host_.commit(event(i));
  host_.close();
  flip_a_bit();
  ASSERT_TRUE(write_high_water(in("high_water"), mark_at(20)));
  const auto opened = host_.open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("so was the one before it"), std::string::npos)
      << opened.error().detail;
}

TEST_F(Refused, APowerCutBetweenTheTwoRenamesIsMended) {
  ASSERT_TRUE(write_high_water(in("high_water"), mark_at(20)));
  host_.reopen();
  const std::uint64_t reached = tail();
  host_.close();
  fs::rename(in("db"), in("db.copying"));
  host_.reopen();
  EXPECT_EQ(tail(), reached);
}

TEST(JournalRecovery, NoEmptyDatabaseIsMadeWhereOneIsMissing) {
  RocksHost host;
  host.commit(event(1));
  host.close();
  fs::remove_all(host.folder() / "db");
  const auto opened = host.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_FALSE(fs::exists(host.folder() / "db")) << "a restore would take it for data";
}

// --- a disk that is full ---

class FullJournal : public ::testing::Test {
 protected:
  FullJournal() {
    auto opened =
        JournalRocks::open(reactor, {.folder = dir.path() / "journal",
                                     .on_sync = [this](auto) { ++syncs; },
                                     .on_failure = [](const std::string& what) { ADD_FAILURE() << what; },
                                     .reserve_bytes = 1000,
                                     .free_bytes = [this] { return free.load(); },
                                     .on_hold = [this] { ++holds; }});
    EXPECT_TRUE(opened);
    journal = std::move(*opened);
  }
  void step() {
    reactor.io().restart();
    (void)reactor.io().run_one_for(std::chrono::milliseconds{5});
  }

  test::TempDir dir;
  std::atomic<std::uint64_t> free{10'000};
  std::atomic<int> holds{0};
  std::atomic<int> syncs{0};
  net::Reactor reactor;
  std::unique_ptr<JournalRocks> journal;
  bool done = false;
};

TEST_F(FullJournal, WritesNothingUntilThereIsRoomAndThenGoesOn) {
  free = 100;
  reactor.spawn(Host::commit_and_tell(*journal, event(1), done));
  while (holds < 3) step();
  EXPECT_FALSE(done);
  EXPECT_EQ(syncs, 0);
  EXPECT_EQ(journal->space().room(), Room::none);
  EXPECT_EQ(journal->get(Family::outbox, sequence_key(1)).value(), std::nullopt);
  free = 10'000;
  while (!done) step();
  EXPECT_EQ(syncs, 1);
  EXPECT_EQ(journal->space().room(), Room::ample);
  EXPECT_TRUE(journal->get(Family::outbox, sequence_key(1)).value());
}

TEST_F(FullJournal, WhatIsUnderWayIsWrittenFromTheReserve) {
  free = 500;
  reactor.spawn(Host::commit_and_tell(*journal, event(1), done));
  while (!done) step();
  EXPECT_EQ(journal->space().room(), Room::low);
  EXPECT_EQ(holds, 0);
}

TEST_F(FullJournal, IsNoticedWithoutAWrite) {
  free = 500;
  while (journal->space().room() != Room::low) step();
  free = 10'000;
  while (journal->space().room() != Room::ample) step();
}

TEST_F(FullJournal, IsLeftWithoutAWaitAndWithoutWhatNobodyWasTold) {
  free = 0;
  reactor.spawn(Host::commit_and_tell(*journal, event(1), done));
  while (holds < 1) step();
  journal.reset();
  EXPECT_FALSE(done);
  auto opened = JournalRocks::open(reactor, {.folder = dir.path() / "journal"});
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->get(Family::outbox, sequence_key(1)).value(), std::nullopt);
}

// --- a disk that fails once ---

/// The child's exit status, as waitpid(2) has it, after that write or sync has failed; what it acknowledged
/// must be there.
int sells_on_a_broken_disk(const std::string& fault, std::size_t& acknowledged) {
  test::TempDir dir;
  ::setenv("LD_PRELOAD", PERKLINE_BROKEN_DISK_LIBRARY, 1);
  ::setenv("PERKLINE_BROKEN_DISK", fault.c_str(), 1);
  test::Child child("JournalRocksChild.DISABLED_SellsUntilItIsKilled", dir.file("journal"));
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("PERKLINE_BROKEN_DISK");
  std::vector<std::uint32_t> told;
  while (told.size() < 5000) {
    const auto report = child.next_report();
    if (!report) break;
    told.push_back(*report);
  }
  acknowledged += told.size();
  const int status = told.size() < 5000 ? child.wait() : child.kill();

  net::Reactor reactor;
  const auto journal = JournalRocks::open(reactor, {.folder = dir.file("journal")});
  EXPECT_TRUE(journal) << fault << ": " << journal.error().detail;
  if (!journal) return status;
  for (const std::uint32_t number : told)
    EXPECT_TRUE((*journal)->get(Family::sessions, sequence_key(number)).value()) << fault << ": " << number;
  EXPECT_TRUE(Outbox::open(**journal, StoreId("store-1"))) << fault;
  return status;
}

class BrokenDisk : public ::testing::TestWithParam<const char*> {};

TEST_P(BrokenDisk, EndsTheProcessWithStatusOneAndLosesNothingAcknowledged) {
  std::size_t acknowledged = 0;
  for (const int number : {1, 13, 34, 55, 60, 70, 80, 100, 150}) {
    const std::string fault = std::string(GetParam()) + ' ' + std::to_string(number);
    const int status = sells_on_a_broken_disk(fault, acknowledged);
    ASSERT_TRUE(WIFEXITED(status)) << fault;
    EXPECT_EQ(WEXITSTATUS(status), 1) << fault;
  }
  EXPECT_GT(acknowledged, 100u) << "some of them came after sales, the first when the database was made";
}

INSTANTIATE_TEST_SUITE_P(Calls, BrokenDisk, ::testing::Values("write", "sync"),
                         [](const auto& info) { return std::string(info.param); });

// --- tables that find no room ---

TEST(JournalRocks, LivesThroughAFlushThatFindsNoRoomAndLosesNothing) {
  test::TempDir dir;
  ::setenv("LD_PRELOAD", PERKLINE_BROKEN_DISK_LIBRARY, 1);
  ::setenv("PERKLINE_BROKEN_DISK", "table 2", 1);
  test::Child child("JournalRocksChild.DISABLED_WritesMoreThanFitsInMemory", dir.file("journal"));
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("PERKLINE_BROKEN_DISK");
  std::uint32_t acknowledged = 0;
  while (const auto report = child.next_report()) acknowledged = *report;
  const int status = child.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  net::Reactor reactor;
  const auto journal = JournalRocks::open(reactor, {.folder = dir.file("journal")});
  ASSERT_TRUE(journal) << journal.error().detail;
  EXPECT_GT(acknowledged, 900u);
  for (std::uint32_t i = 1; i <= acknowledged; ++i)
    EXPECT_TRUE((*journal)->get(Family::archive, sequence_key(i)).value()) << i;
}

Task<void> write_much(Journal& journal, net::Reactor& reactor) {
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    Batch batch;
    batch.put(Family::archive, sequence_key(i), std::string(64 * 1024, static_cast<char>(i)));
    co_await journal.commit(std::move(batch));
    if (i % 100 == 0) test::Child::report(i);
  }
  reactor.stop();
}

TEST(JournalRocksChild, DISABLED_WritesMoreThanFitsInMemory) {
  std::atomic<int> holds = 0;
  net::Reactor reactor;
  auto journal = JournalRocks::open(reactor, {.folder = test::Child::folder(), .on_hold = [&] { ++holds; }});
  ASSERT_TRUE(journal);
  reactor.spawn(write_much(**journal, reactor));
  reactor.run();
  EXPECT_GT(holds, 0) << "it has met the end of the disk";
}

}  // namespace
}  // namespace perkline::edge::journal
