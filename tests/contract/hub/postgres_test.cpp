// What is PostgreSQL's alone: many writers at once, connections that break.
#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "tests/contract/hub/postgres_work.hpp"

namespace perkline::test {
namespace {

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

}  // namespace
}  // namespace perkline::test
