// What a hub does while its PostgreSQL comes and goes, stands still, or breaks off.
#include "bench/fleet/postgres_server.hpp"

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "tests/contract/hub/postgres_work.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::test {
namespace {

/// A server that may be restarted.
class PostgresAlone : public testing::Test {
 protected:
  bench::PostgresServer server_ = std::move(bench::PostgresServer::start().value());
};

TEST_F(PostgresAlone, ACommitThatWasDoneButNeverAnsweredIsNotRunAgain) {
  // One connection, so that nobody else has to take a slot while commits wait.
  PostgresOnReactor subject(server_.url("hub"), {.writers = 1});
  ASSERT_TRUE(subject.write(execute("CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)")));
  // A commit that is on disk here now waits for a standby that there is not.
  const std::string own = server_.url("postgres");
  administer(own, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  administer(own, "SELECT pg_reload_conf()::text");
  // The server takes the setting over when it comes to it: until then commits end at once.
  std::atomic<bool> cut = false;
  std::int64_t written = 0;
  auto writing = std::async(std::launch::async, [&] {
    Result<void> done;
    while (done && !cut) done = subject.write(execute("INSERT INTO item (id) VALUES ($1)", {++written}));
    return done;
  });
  cut_off_a_commit(server_.url("hub"), "SyncRep");
  cut = true;
  administer(own, "ALTER SYSTEM RESET synchronous_standby_names");
  administer(own, "SELECT pg_reload_conf()::text");
  const auto done = writing.get();
  EXPECT_TRUE(done) << done.error().detail;  // a second run would find its key taken
  EXPECT_EQ(number_in(subject, "SELECT COUNT(*) FROM item"), written);
}

TEST_F(PostgresAlone, ComesUpWithItsServerAndMakesTheDatabaseThere) {
  server_.stop();
  PostgresOnReactor subject(server_.url("not_there_yet"), {});
  for (int i = 0; i < 3; ++i) {
    const auto before = std::chrono::steady_clock::now();
    const auto refused = subject.write(execute("SELECT 1"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::database_unavailable);
    EXPECT_TRUE(refused.error().retry_after.has_value());
    EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(2));
  }
  const auto tool = hub::db::open_for_tool(server_.url("not_there_yet"), hub::db::IfMissing::make);
  ASSERT_FALSE(tool);
  EXPECT_EQ(tool.error().code, Errc::database_unavailable);
  ASSERT_TRUE(server_.start_again());
  const auto missing = hub::db::open_for_tool(server_.url("nowhere"), hub::db::IfMissing::fail);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_TRUE(eventually([&] { return subject.write(execute("SELECT 1")).has_value(); }));
  EXPECT_TRUE(hub::db::open_for_tool(server_.url("not_there_yet"), hub::db::IfMissing::fail));
}

TEST_F(PostgresAlone, EachWriteTakesEffectOnceWhileTheServerStopsCrashesAndStarts) {
  PostgresOnReactor subject(server_.url("hub"), {});
  make_counters(subject);
  ASSERT_TRUE(subject.write(execute("CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)")));
  std::atomic<bool> going = true;
  std::atomic<std::int64_t> next = 0;
  std::atomic<std::int64_t> refused = 0;
  std::mutex mutex;
  std::set<std::int64_t> acknowledged;
  const auto write = [&] {
    while (going) {
      const std::int64_t id = ++next;
      const auto before = std::chrono::steady_clock::now();
      const auto done = subject.write([id](Transaction& transaction) -> Result<void> {
        if (auto added = add_one("a")(transaction); !added) return added;
        return execute("INSERT INTO item (id) VALUES ($1)", {id})(transaction);
      });
      EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(15));
      if (done) {
        const std::scoped_lock lock(mutex);
        acknowledged.insert(id);
        continue;
      }
      // A key that is taken would be our own, of a commit that was run twice.
      EXPECT_EQ(done.error().code, Errc::database_unavailable) << done.error().detail;
      EXPECT_TRUE(done.error().retry_after.has_value());
      ++refused;
      std::this_thread::sleep_for(Millis(5));
    }
  };
  std::vector<std::thread> writers;
  for (int i = 0; i < 6; ++i) writers.emplace_back(write);
  const auto grown = [&](std::size_t by) {
    std::unique_lock lock(mutex);
    const std::size_t from = acknowledged.size();
    lock.unlock();
    return eventually([&] {
      const std::scoped_lock held(mutex);
      return acknowledged.size() >= from + by;
    });
  };
  for (int round = 0; round < 4; ++round) {
    EXPECT_TRUE(grown(50));
    round % 2 == 0 ? server_.stop() : server_.kill();
    const std::int64_t before = refused;
    EXPECT_TRUE(eventually([&] { return refused > before + 10; }));
    ASSERT_TRUE(server_.start_again());
  }
  EXPECT_TRUE(grown(50));
  going = false;
  for (auto& writer : writers) writer.join();

  std::set<std::int64_t> stored;
  ASSERT_TRUE(subject.read([&](Transaction& transaction) -> Result<void> {
    for (const auto& row : *transaction.query("SELECT id FROM item")) stored.insert(row.integer(0));
    return {};
  }));
  for (const std::int64_t id : acknowledged) EXPECT_TRUE(stored.contains(id)) << id;
  EXPECT_EQ(number_in(subject, "SELECT n FROM counter WHERE name = 'a'"),
            static_cast<std::int64_t>(stored.size()));
}

TEST_F(PostgresAlone, WhileItsServerStandsStillNobodyWaitsBeyondHisTimeAndAfterwardsAllGoesOn) {
  // Shorter than the daemon's, in the same proportion; a call takes as long as it may be tried, and a last
  // try.
  const PostgresOptions options{
      .connect_timeout = Millis(600), .statement_timeout = seconds(4), .retry_for = Millis(1'600)};
  constexpr Millis longest = Millis(1'600) + seconds(1) + Millis(600) + seconds(1);
  PostgresOnReactor subject(server_.url("hub"), options);
  make_counters(subject);
  std::atomic<bool> going = true;
  std::atomic<int> written = 0;
  std::atomic<int> read = 0;
  std::atomic<int> refused = 0;
  const auto call = [&](bool writes) {
    while (going) {
      const auto before = std::chrono::steady_clock::now();
      const auto result =
          writes ? subject.write(add_one("a")) : subject.read(execute("SELECT n FROM counter"));
      EXPECT_LT(std::chrono::steady_clock::now() - before, longest) << (writes ? "write" : "read");
      if (result) {
        ++(writes ? written : read);
        continue;
      }
      EXPECT_EQ(result.error().code, Errc::database_unavailable) << result.error().detail;
      EXPECT_TRUE(result.error().retry_after.has_value());
      ++refused;
      std::this_thread::sleep_for(Millis(5));
    }
  };
  std::vector<std::thread> callers;
  // More than there are connections.
  for (int i = 0; i < 30; ++i) callers.emplace_back(call, i % 3 != 0);
  const auto goes_on = [&] {
    const int written_before = written;
    const int read_before = read;
    return eventually([&] { return written > written_before + 20 && read > read_before + 20; });
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(goes_on());
    const int refused_before = refused;
    server_.freeze();
    EXPECT_TRUE(eventually([&] { return refused > refused_before + 100; }));
    server_.thaw();
  }
  EXPECT_TRUE(goes_on());
  going = false;
  for (auto& caller : callers) caller.join();
  // One that nobody could be told of may have been done as well.
  EXPECT_GE(number_in(subject, "SELECT n FROM counter WHERE name = 'a'"), written);
}

TEST_F(PostgresAlone, HubsThatStartTogetherMigrateOnce) {
  constexpr int hubs = 4;
  std::vector<std::future<Result<hub::db::Migrated>>> migrating;
  for (int i = 0; i < hubs; ++i) {
    migrating.push_back(std::async(std::launch::async, [&, i]() -> Result<hub::db::Migrated> {
      ManualClock clock;
      SeededRng rng{static_cast<std::uint64_t>(i)};
      UuidMaker uuids{clock, rng};
      auto database = hub::db::open_for_tool(server_.url("hub"), hub::db::IfMissing::make);
      if (!database) return failure(database);
      VirtualTime time;
      SimWorld world(time);
      return run_task(world, hub::db::migrate(**database, clock, uuids));
    }));
  }
  std::int64_t first = 0;
  for (auto& each : migrating) {
    const auto migrated = each.get();
    ASSERT_TRUE(migrated) << migrated.error().detail;
    if (migrated->from == 0) ++first;
  }
  EXPECT_GE(first, 1);
}

}  // namespace
}  // namespace perkline::test
