// What is PostgreSQL's alone: many writers at once, connections that break, a server that comes and goes.
#include <atomic>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "bench/fleet/postgres_server.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/db/postgres_statements.hpp"
#include "hub/db/postgres_wire.hpp"
#include "tests/contract/hub/database_subject.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::test {
namespace {

using hub::db::PostgresOptions;
using hub::db::Transaction;
using Work = DatabaseSubject::Work;

Work execute(std::string sql, std::vector<hub::db::Value> parameters = {}) {
  return
      [sql = std::move(sql), parameters = std::move(parameters)](Transaction& transaction) -> Result<void> {
        auto done = transaction.execute(sql, parameters);
        if (!done) return failure(done);
        return {};
      };
}

/// One statement outside of any transaction, as an administrator's; its rows' first column.
std::vector<std::string> administer(const std::string& url, const std::string& sql) {
  const auto wire = hub::db::PostgresWire::connect({.url = url});
  EXPECT_TRUE(wire) << url;
  if (!wire) return {};
  const std::array steps{hub::db::WireStep{.text = sql}};
  const auto done = (*wire)->exchange(steps, std::chrono::steady_clock::now() + minutes(1));
  EXPECT_TRUE(done && !hub::db::has_failed(done->front().get())) << sql;
  std::vector<std::string> rows;
  for (int row = 0; done && row < hub::db::row_count(done->front().get()); ++row)
    rows.push_back(std::get<std::string>(hub::db::columns_of(done->front().get(), row)->front()));
  return rows;
}

std::int64_t number_in(DatabaseSubject& subject, const std::string& sql) {
  std::int64_t number = -1;
  const auto read = subject.read([&](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query(sql);
    if (!rows) return failure(rows);
    number = rows->at(0).integer(0);
    return {};
  });
  EXPECT_TRUE(read) << sql;
  return number;
}

/// Reads, thinks, and writes what it has thought of.
Work add_one(std::string_view row) {
  return [row = std::string(row)](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query(
        "SELECT n FROM counter WHERE name = $1" + std::string(transaction.for_update()), {row});
    if (!rows) return failure(rows);
    auto done =
        transaction.execute("UPDATE counter SET n = $2 WHERE name = $1", {row, rows->at(0).integer(0) + 1});
    if (!done) return failure(done);
    return {};
  };
}

void make_counters(DatabaseSubject& subject) {
  ASSERT_TRUE(
      subject.write(execute("CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")));
  ASSERT_TRUE(subject.write(execute("INSERT INTO counter (name, n) VALUES ('a', 0), ('b', 0)")));
}

TEST(Postgres, ManyWritersOfOneRowWaitForOneAnotherAndNoneFails) {
  PostgresOnReactor subject;
  PostgresOnReactor replica(subject.url(), {});
  make_counters(subject);
  const auto beside =
      std::async(std::launch::async, [&] { return replica.write_all(std::vector<Work>(200, add_one("a"))); });
  for (const auto& result : subject.write_all(std::vector<Work>(200, add_one("a")))) EXPECT_TRUE(result);
  beside.wait();
  EXPECT_EQ(number_in(subject, "SELECT n FROM counter WHERE name = 'a'"), 400);
}

TEST(Postgres, AReadBehindOneThatAskedNothingSeesWhatWasWrittenBeforeIt) {
  PostgresOnReactor subject({.readers = 1});
  make_counters(subject);
  std::int64_t seen = -1;
  const auto look = [&](Transaction& transaction) -> Result<void> {
    const auto rows = transaction.query("SELECT n FROM counter WHERE name = 'a'");
    if (!rows) return std::unexpected(rows.error());
    seen = rows->at(0).integer(0);
    return {};
  };
  const auto look_and_write = [&](Transaction& transaction) -> Result<void> {
    auto looked = look(transaction);
    administer(subject.url(), "UPDATE counter SET n = 7 WHERE name = 'a'");
    return looked;
  };
  const auto ask_nothing = [](Transaction&) { return Result<void>{}; };
  std::latch ended(3);
  // In one go, so that the connection has no pause to take the first one's snapshot back in.
  subject.start_all_reads({look_and_write, ask_nothing, look}, [&](std::size_t, const Result<void>& result) {
    EXPECT_TRUE(result);
    ended.count_down();
  });
  ended.wait();
  EXPECT_EQ(seen, 7);
}

TEST(Postgres, WhoWaitForOneAnotherAreRunAgain) {
  PostgresOnReactor subject;
  make_counters(subject);
  std::latch both(2);
  const auto crosswise = [&](std::string_view first, std::string_view second) -> Work {
    return [&both, first = add_one(first), second = add_one(second),
            met = std::make_shared<std::atomic<bool>>(false)](Transaction& transaction) -> Result<void> {
      if (auto done = first(transaction); !done) return done;
      // Only the first time: whoever is run again goes through alone.
      if (!met->exchange(true)) both.arrive_and_wait();
      return second(transaction);
    };
  };
  for (const auto& result : subject.write_all({crosswise("a", "b"), crosswise("b", "a")})) {
    EXPECT_TRUE(result) << result.error().detail;
  }
  EXPECT_EQ(number_in(subject, "SELECT n FROM counter WHERE name = 'a'"), 2);
  EXPECT_EQ(number_in(subject, "SELECT n FROM counter WHERE name = 'b'"), 2);
}

TEST(Postgres, ManyThatLockTheSameInAnyOrderAllGetThrough) {
  constexpr std::int64_t rows = 3;
  constexpr std::size_t writers = 4;
  PostgresOnReactor subject;
  ASSERT_TRUE(
      subject.write(execute("CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")));
  for (std::int64_t id = 0; id < rows; ++id)
    ASSERT_TRUE(subject.write(execute("INSERT INTO item (id, n) VALUES ($1, 0)", {id})));
  std::vector<Work> works;
  for (std::size_t i = 0; i < writers; ++i) {
    works.push_back([i](Transaction& transaction) -> Result<void> {
      // The server looks for a deadlock after a second only: here they follow one another.
      if (auto set = execute("SET LOCAL deadlock_timeout = '50ms'")(transaction); !set) return set;
      for (std::int64_t step = 0; step < rows; ++step) {
        const std::int64_t forth = (step + static_cast<std::int64_t>(i)) % rows;
        const std::int64_t id = i % 2 == 0 ? forth : rows - 1 - forth;
        auto done = execute("UPDATE item SET n = n + 1 WHERE id = $1", {id})(transaction);
        if (!done) return done;
        if (auto slept = transaction.query("SELECT pg_sleep(0.03)"); !slept) return failure(slept);
      }
      return {};
    });
  }
  for (const auto& result : subject.write_all(works)) EXPECT_TRUE(result) << result.error().detail;
  EXPECT_EQ(number_in(subject, "SELECT MIN(n) FROM item"), static_cast<std::int64_t>(writers));
}

TEST(Postgres, RefusesWritesBeyondItsQueueAndServesTheRest) {
  PostgresOnReactor subject({.waiting_max = 3, .writers = 1});
  ASSERT_TRUE(subject.write(execute("CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)")));
  std::latch entered(1);
  std::latch let_go(1);
  std::promise<void> blocked;
  subject.start_all({[&](Transaction&) -> Result<void> {
                      entered.count_down();
                      let_go.wait();
                      return {};
                    }},
                    [&](std::size_t, Result<void>) { blocked.set_value(); });
  entered.wait();
  std::vector<Work> works;
  for (std::int64_t id = 1; id <= 5; ++id)
    works.push_back(execute("INSERT INTO item (id) VALUES ($1)", {id}));
  std::vector<Result<void>> results(works.size());
  std::promise<void> all;
  std::size_t ended = 0;
  subject.start_all(works, [&](std::size_t index, Result<void> result) {
    results[index] = std::move(result);
    if (++ended == 2) let_go.count_down();
    if (ended == 5) all.set_value();
  });
  all.get_future().wait();
  blocked.get_future().wait();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(results[i]);
  for (std::size_t i = 3; i < 5; ++i) {
    ASSERT_FALSE(results[i]);
    EXPECT_EQ(results[i].error().code, Errc::overloaded);
    EXPECT_TRUE(results[i].error().retry_after.has_value());
  }
}

TEST(Postgres, GoesAwayAtOnceWhileAStatementRunsAndOthersWait) {
  auto subject = std::make_unique<PostgresOnReactor>(PostgresOptions{.writers = 1});
  std::latch entered(1);
  subject->start_all({[&](Transaction& transaction) -> Result<void> {
                        EXPECT_TRUE(transaction.query("SELECT 1"));
                        entered.count_down();
                        return execute("SELECT pg_sleep(60)")(transaction);
                      },
                      execute("SELECT 1")},
                     [](std::size_t, Result<void>) {});
  entered.wait();
  const auto before = std::chrono::steady_clock::now();
  subject.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
}

TEST(Postgres, AStatementThatTakesTooLongIsGivenUp) {
  PostgresOnReactor subject({.statement_timeout = Millis(500), .retry_for = seconds(5)});
  const auto done = subject.write(execute("SELECT pg_sleep(60)"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::database_unavailable);
  EXPECT_TRUE(done.error().retry_after.has_value());
  EXPECT_TRUE(subject.write([](Transaction& transaction) -> Result<void> {
    transaction.allow(seconds(20));
    return execute("SELECT pg_sleep(0.8)")(transaction);
  }));
}

TEST(Postgres, AConnectionThatBreaksAmidWorkIsMadeAnewAndTheWorkRunAgain) {
  PostgresOnReactor subject;
  make_counters(subject);
  int runs = 0;
  ASSERT_TRUE(subject.write([&](Transaction& transaction) -> Result<void> {
    if (auto done = add_one("a")(transaction); !done) return done;
    if (++runs == 1) {
      administer(
          subject.url(),
          "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database()"
          " AND pid <> pg_backend_pid()");
    }
    return add_one("b")(transaction);
  }));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(number_in(subject, "SELECT n FROM counter WHERE name = 'a'"), 1);
}

/// Ends whoever is at a COMMIT, once somebody is.
void cut_off_a_commit(const std::string& url, const std::string& waiting_for) {
  const std::string there =
      " FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = '" +
      waiting_for + "'";
  EXPECT_TRUE(eventually([&] { return !administer(url, "SELECT pid::text" + there).empty(); }));
  administer(url, "SELECT pg_terminate_backend(pid)::text" + there);
}

TEST(Postgres, ACommitThatBrokeOffBeforeItWasDoneIsRunAgain) {
  PostgresOnReactor subject;
  ASSERT_TRUE(subject.write([](Transaction& transaction) -> Result<void> {
    for (const char* sql :
         {"CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)",
          "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
          " $f$ BEGIN IF pg_try_advisory_lock(7) THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $f$",
          "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED"
          " FOR EACH ROW EXECUTE FUNCTION dawdle()"}) {
      if (auto done = transaction.execute(sql); !done) return failure(done);
    }
    return {};
  }));
  auto writing = std::async(std::launch::async,
                            [&] { return subject.write(execute("INSERT INTO item (id) VALUES (1)")); });
  const std::string activity =
      "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event = ";
  EXPECT_TRUE(eventually([&] { return !administer(subject.url(), activity + "'PgSleep'").empty(); }));
  // Next in line for the lock, so that the second try finds it taken and does not dawdle.
  std::promise<void> release;
  std::thread keeper([&, released = release.get_future()]() mutable {
    const auto wire = hub::db::PostgresWire::connect({.url = subject.url()});
    const std::array steps{hub::db::WireStep{.text = "SELECT pg_advisory_lock(7)"}};
    EXPECT_TRUE(wire && (*wire)->exchange(steps, std::chrono::steady_clock::now() + minutes(1)));
    released.wait();
  });
  EXPECT_TRUE(eventually([&] { return !administer(subject.url(), activity + "'advisory'").empty(); }));
  cut_off_a_commit(subject.url(), "PgSleep");
  const auto done = writing.get();
  EXPECT_TRUE(done) << done.error().detail;
  release.set_value();
  keeper.join();
  EXPECT_EQ(number_in(subject, "SELECT COUNT(*) FROM item"), 1);
}

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

TEST(Postgres, OutlastsWhoeverWritesAndNobodyWhoBeginsLater) {
  PostgresOnReactor subject;
  make_counters(subject);
  std::promise<void> let_go;
  std::promise<void> begun;
  auto writing = std::async(std::launch::async, [&] {
    return subject.write(
        [&, may_end = let_go.get_future().share()](Transaction& transaction) -> Result<void> {
          auto done = add_one("a")(transaction);
          begun.set_value();
          may_end.wait();
          return done;
        });
  });
  begun.get_future().wait();
  auto waiting = std::async(std::launch::async, [&] {
    return subject.write([](Transaction& transaction) { return transaction.outlast_others(); });
  });
  EXPECT_TRUE(eventually([&] {
    return !administer(subject.url(),
                       "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()"
                       " AND wait_event_type = 'Lock'"
                       " AND query LIKE '%hub_commit%'")
                .empty();
  }));
  EXPECT_EQ(waiting.wait_for(Millis(0)), std::future_status::timeout);
  let_go.set_value();
  EXPECT_TRUE(writing.get());
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE(subject.write(add_one("b"))) << "nobody is held up by it any more";
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
