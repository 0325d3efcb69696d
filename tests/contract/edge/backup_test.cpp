#include "edge/journal/backup.hpp"

#include <fstream>
#include <thread>

#include "edge/journal/restored.hpp"
#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

constexpr WallTime first_of_march = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
const StoreId store_1("store-1");

Batch event(std::uint64_t sequence) {
  std::string key;
  append_u64(key, sequence);
  Batch batch;
  batch.put(Family::outbox, key,
            std::string(32, static_cast<char>(sequence)) + "event " + std::to_string(sequence));
  batch.put(Family::sessions, "s" + std::to_string(sequence), "of " + std::to_string(sequence));
  return batch;
}

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() { sell(1, 20); }

  void sell(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i <= last; ++i) host.commit(event(i));
  }
  Result<BackedUp> back_up(WallTime now = first_of_march, StoreId store = store_1) {
    return host.journal().back_up({.folder = folder, .data_dir = {}, .store = std::move(store), .now = now});
  }
  RestoreOrder order(std::optional<std::uint32_t> number = std::nullopt) {
    return {.folder = folder,
            .data_dir = target,
            .store = store_1,
            .number = number,
            .now = first_of_march + days{2},
            .check = [](const JournalReader&) { return Result<void>{}; }};
  }
  std::unique_ptr<JournalRocks> open_target() {
    auto opened = JournalRocks::open(host.reactor, {.folder = target});
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(*opened) : nullptr;
  }
  static std::size_t events(const Journal& journal) {
    std::size_t count = 0;
    EXPECT_TRUE(journal.scan(Family::outbox, "", [&](auto, auto) { return ++count, true; }));
    return count;
  }

  RocksHost host;
  test::TempDir dir;
  fs::path folder = dir.path() / "backups";
  fs::path target = dir.path() / "restored";
};

TEST_F(BackupTest, HoldsWhatWasAcknowledgedWhenItBeganAndIsRestoredAsThat) {
  const auto made = back_up();
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->backup.number, 1u);
  EXPECT_EQ(made->backup.tail.sequence, 20u);
  EXPECT_GT(made->backup.bytes, 0u);
  sell(21, 30);

  const auto restored = restore(order());
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_EQ(restored->made_at, first_of_march);
  const auto journal = open_target();
  ASSERT_TRUE(journal);
  EXPECT_EQ(events(*journal), 20u);
  EXPECT_EQ(journal->get(Family::sessions, "s20").value(), "of 20");
  EXPECT_EQ(read_restored(*journal).value(),
            (Restored{.backed_up_at = first_of_march, .restored_at = first_of_march + days{2}}));
  EXPECT_FALSE(read_restored(host.journal()).value()) << "the original knows nothing of it";
}

TEST_F(BackupTest, AnotherOneAddsWhatIsNewAndEachCanBeRestored) {
  ASSERT_TRUE(back_up());
  sell(21, 25);
  ASSERT_TRUE(back_up(first_of_march + days{1}));
  ASSERT_TRUE(restore(order(1)));
  EXPECT_EQ(events(*open_target()), 20u);
  fs::remove_all(target);
  const auto newest = restore(order());
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->number, 2u);
  EXPECT_EQ(events(*open_target()), 25u);
  fs::remove_all(target);
  EXPECT_EQ(restore(order(3)).error().code, Errc::not_found);
}

TEST_F(BackupTest, IsMadeWhileTheJournalIsWritten) {
  std::atomic<bool> made = false;
  Result<BackedUp> backup = fail(Errc::internal);
  std::jthread other([&] {
    backup = back_up();
    made = true;
  });
  std::uint64_t sequence = 20;
  while (!made) sell(sequence + 1, sequence + 1), ++sequence;
  other.join();
  ASSERT_TRUE(backup) << backup.error().detail;
  ASSERT_TRUE(restore(order()));
  const auto journal = open_target();
  EXPECT_GE(events(*journal), 20u);
  EXPECT_EQ(events(*journal), read_u64(journal->last(Family::outbox).value().value().key))
      << "none is missing";
  EXPECT_EQ(events(*journal), backup->backup.tail.sequence);
}

TEST_F(BackupTest, OlderOnesGoAfterThirtyFiveDays) {
  ASSERT_TRUE(back_up());
  ASSERT_TRUE(back_up(first_of_march + days{10}));
  const auto made = back_up(first_of_march + days{36});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->removed, std::vector<std::uint32_t>{1});
  EXPECT_EQ(restore(order(1)).error().code, Errc::not_found);
  EXPECT_TRUE(restore(order(2)));
}

TEST_F(BackupTest, GoesNowhereNearTheData) {
  folder = host.folder() / "backups";
  EXPECT_EQ(back_up().error().code, Errc::bad_request);
  folder = host.folder();
  EXPECT_EQ(back_up().error().code, Errc::bad_request);
  fs::create_directory_symlink(host.folder(), dir.path() / "link");
  folder = dir.path() / "link" / "backups";
  EXPECT_EQ(back_up().error().code, Errc::bad_request);
  EXPECT_FALSE(fs::exists(host.folder() / "backups"));
  folder = host.folder().string() + "-backups";
  EXPECT_TRUE(back_up()) << "a name that begins alike is another folder";
}

TEST_F(BackupTest, StoresDoNotShareAFolderNorRestoreEachOther) {
  ASSERT_TRUE(back_up());
  EXPECT_EQ(back_up(first_of_march, StoreId("store-2")).error().code, Errc::bad_request);
  RestoreOrder others = order();
  others.store = StoreId("store-2");
  EXPECT_EQ(restore(others).error().code, Errc::bad_request);
  EXPECT_FALSE(fs::exists(target / "db"));
}

TEST_F(BackupTest, AFolderOfOtherThingsStaysAsItIs) {
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::all);
  std::ofstream(folder / "holiday.jpg") << "sun";
  const auto made = back_up();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::bad_request);
  EXPECT_NE(made.error().detail.find("something else"), std::string::npos) << made.error().detail;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::all);
  fs::rename(folder / "holiday.jpg", folder / "lost+found");
  EXPECT_TRUE(back_up()) << "a disk of its own";
}

TEST_F(BackupTest, AClockYearsAheadTakesNoOtherBackupWithIt) {
  ASSERT_TRUE(back_up(first_of_march));
  const auto ahead = back_up(first_of_march + days{3650});
  ASSERT_TRUE(ahead) << ahead.error().detail;
  EXPECT_EQ(ahead->removed, std::vector<std::uint32_t>{});
  ASSERT_TRUE(back_up(first_of_march + days{20}));
  const auto later = back_up(first_of_march + days{40});
  ASSERT_TRUE(later) << later.error().detail;
  EXPECT_EQ(later->removed, std::vector<std::uint32_t>{1}) << "the third agrees with this clock";
}

TEST_F(BackupTest, AFolderWithoutBackupsIsSaidToBeOne) {
  fs::create_directories(folder);
  EXPECT_EQ(restore(order()).error().code, Errc::not_found);
}

// ---- restoring

TEST_F(BackupTest, NothingIsEverOverwritten) {
  ASSERT_TRUE(back_up());
  RestoreOrder over = order();
  over.data_dir = host.folder();
  const auto in_use = restore(over);
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().code, Errc::io_failed);
  EXPECT_NE(in_use.error().detail.find("stop the daemon"), std::string::npos) << in_use.error().detail;

  sell(21, 22);
  host.close();
  const auto full = restore(over);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::already_exists);
  EXPECT_NE(full.error().detail.find("mv "), std::string::npos) << full.error().detail;
  host.reopen();
  EXPECT_EQ(events(host.journal()), 22u);

  host.close();
  fs::rename(host.folder() / "db", host.folder() / "db.before-restore");
  ASSERT_TRUE(restore(over)) << "as the error advised";
  host.reopen();
  EXPECT_EQ(events(host.journal()), 20u) << "the old high-water mark does not object";
}

TEST_F(BackupTest, OneThatWasCutShortLeavesNoJournalAndIsRunAgain) {
  ASSERT_TRUE(back_up());
  fs::create_directories(target / "db.restoring");
  const auto opened = JournalRocks::open(host.reactor, {.folder = target});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("restore once more"), std::string::npos) << opened.error().detail;
  EXPECT_FALSE(fs::exists(target / "db"));
  ASSERT_TRUE(restore(order()));
  EXPECT_EQ(events(*open_target()), 20u);
}

TEST_F(BackupTest, WhatTheCheckRefusesIsNotTheJournal) {
  ASSERT_TRUE(back_up());
  RestoreOrder refused = order();
  refused.check = [](const JournalReader& journal) -> Result<void> {
    EXPECT_EQ(journal.get(Family::sessions, "s7").value(), "of 7");
    return fail(Errc::corrupt, "not this one");
  };
  EXPECT_EQ(restore(refused).error().detail, "not this one");
  EXPECT_FALSE(fs::exists(target / "db"));
  EXPECT_FALSE(fs::exists(target / "db.restoring"));
}

TEST_F(BackupTest, OneFlippedBitIsFoundBeforeAnythingIsRestored) {
  ASSERT_TRUE(back_up());
  for (const auto& file : fs::directory_iterator(folder / "shared_checksum")) {
    std::fstream bytes(file.path(), std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekg(20);
    const char flipped = static_cast<char>(bytes.get() ^ 1);
    bytes.seekp(20);
    bytes.put(flipped);
  }
  const auto restored = restore(order());
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Errc::corrupt);
  EXPECT_FALSE(fs::exists(target / "db"));
}

TEST_F(BackupTest, OfARestoredJournalIsAsOldAsWhatThatHadNotLearnt) {
  ASSERT_TRUE(back_up());
  ASSERT_TRUE(restore(order()));
  {
    const auto journal = open_target();
    const auto again = journal->back_up(
        {.folder = dir.path() / "again", .data_dir = {}, .store = store_1, .now = first_of_march + days{3}});
    ASSERT_TRUE(again) << again.error().detail;
  }
  fs::remove_all(target);
  RestoreOrder second = order();
  second.folder = dir.path() / "again";
  second.now = first_of_march + days{4};
  ASSERT_TRUE(restore(second));
  EXPECT_EQ(read_restored(*open_target()).value(),
            (Restored{.backed_up_at = first_of_march, .restored_at = first_of_march + days{4}}));
}

TEST_F(BackupTest, IsBrokenOffWhenItIsToStop) {
  std::stop_source stopping;
  stopping.request_stop();
  const auto made = host.journal().back_up({.folder = folder,
                                            .data_dir = {},
                                            .store = store_1,
                                            .now = first_of_march,
                                            .stop = stopping.get_token()});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::cancelled);
  EXPECT_EQ(restore(order()).error().code, Errc::not_found);
}

}  // namespace
}  // namespace perkline::edge::journal
