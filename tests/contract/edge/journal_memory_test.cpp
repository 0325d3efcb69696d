#include <set>

#include "shared/net/deadline.hpp"
#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

Task<void> commit_numbered(Journal& journal, int number, int& returned) {
  Batch batch;
  batch.put(Family::sessions, std::to_string(number), "a");
  batch.put(Family::by_transaction, std::to_string(number), "b");
  co_await journal.commit(std::move(batch));
  ++returned;
}

std::size_t count(const Journal& journal, Family family) {
  std::size_t found = 0;
  EXPECT_TRUE(journal.scan(family, "", [&](std::string_view key, std::string_view) {
    EXPECT_EQ(key, std::to_string(found)) << "a hole";
    ++found;
    return true;
  }));
  return found;
}

TEST(JournalMemory, APowerCutKeepsAFirstPartOfWhatWasNotSynced) {
  std::set<std::size_t> survivors;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryHost host;
    SeededRng rng(seed);
    int returned = 0;
    for (int i = 0; i < 3; ++i) host.spawn(commit_numbered(host.journal(), i, returned));
    ASSERT_TRUE(host.run_until([&] { return returned == 3; }));
    for (int i = 3; i < 8; ++i) host.spawn(commit_numbered(host.journal(), i, returned));
    while (host.world().run_ready()) {
    }
    host.journal().crash(rng);
    host.reopen();
    EXPECT_EQ(returned, 3);
    const std::size_t kept = count(host.journal(), Family::sessions);
    EXPECT_EQ(count(host.journal(), Family::by_transaction), kept) << "a torn batch";
    EXPECT_GE(kept, 3u) << "an acknowledged batch is lost";
    survivors.insert(kept);
  }
  EXPECT_EQ(survivors, (std::set<std::size_t>{3, 4, 5, 6, 7, 8}));
}

TEST(JournalMemory, WithoutLuckWhatWasNotSyncedIsGone) {
  MemoryHost host;
  int returned = 0;
  host.spawn(commit_numbered(host.journal(), 0, returned));
  while (host.world().run_ready()) {
  }
  host.reopen();
  EXPECT_EQ(count(host.journal(), Family::sessions), 0u);
}

TEST(JournalMemory, AfterAFailedSyncNoCommitReturnsUntilTheNextLife) {
  MemoryHost host;
  int returned = 0;
  host.disk.failing = true;
  host.spawn(commit_numbered(host.journal(), 0, returned));
  EXPECT_FALSE(host.run_until([&] { return returned > 0; }));
  EXPECT_TRUE(host.journal().failed());
  host.disk.failing = false;
  host.spawn(commit_numbered(host.journal(), 1, returned));
  EXPECT_FALSE(host.run_until([&] { return returned > 0; }));
  EXPECT_EQ(count(host.journal(), Family::sessions), 0u);

  host.reopen();
  EXPECT_FALSE(host.journal().failed());
  host.spawn(commit_numbered(host.journal(), 0, returned));
  EXPECT_TRUE(host.run_until([&] { return returned == 1; }));
}

TEST(JournalMemory, ADeadlineDoesNotMakeACommitReturnBeforeItsSync) {
  struct Run {
    static Task<Result<void>> commit(Journal& journal, int& returned) {
      co_await commit_numbered(journal, 0, returned);
      co_return Result<void>{};
    }
    static Task<void> bounded(Journal& journal, net::AsyncClock& clock, int& returned, bool& done) {
      (void)co_await net::with_deadline(clock, clock.mono_now() + Millis{10}, commit(journal, returned));
      done = true;
    }
  };
  MemoryHost host(Millis{50});
  const MonoTime begin = host.now();
  int returned = 0;
  bool done = false;
  host.spawn(Run::bounded(host.journal(), host.world().clock(), returned, done));
  ASSERT_TRUE(host.run_until([&] { return returned == 1; }));
  EXPECT_EQ(host.now() - begin, Millis{50});
  EXPECT_EQ(count(host.journal(), Family::sessions), 1u);
  EXPECT_TRUE(host.run_until([&] { return done; }));
}

TEST(JournalMemory, TheWorldMayGoBeforeItsJournalAndAfterIt) {
  test::VirtualTime time;
  MemoryDisk disk;
  for (const bool world_first : {true, false}) {
    auto world = std::make_unique<test::SimWorld>(time);
    auto journal = std::make_unique<JournalMemory>(disk, world->clock());
    int returned = 0;
    world->spawn(commit_numbered(*journal, 0, returned));
    while (world->run_ready()) {
    }
    if (world_first) {
      world.reset();
    } else {
      journal.reset();
      world->run_until([] { return false; });
    }
    EXPECT_EQ(returned, 0);
  }
}

}  // namespace
}  // namespace perkline::edge::journal
