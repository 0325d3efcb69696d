// What is SQLite's alone: group commit, its bounded queue, other processes, a killed process.
#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <latch>
#include <set>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "hub/db/open.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "tests/contract/hub/database_subject.hpp"

namespace perkline::test {
namespace {

using hub::db::Transaction;
using Work = DatabaseSubject::Work;

constexpr std::string_view create = "CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)";

Work execute(std::string sql, std::vector<hub::db::Value> parameters = {}) {
  return
      [sql = std::move(sql), parameters = std::move(parameters)](Transaction& transaction) -> Result<void> {
        auto done = transaction.execute(sql, parameters);
        if (!done) return failure(done);
        return {};
      };
}

Work insert(std::int64_t id) {
  return execute("INSERT INTO item (id) VALUES ($1)", {id});
}

std::set<std::int64_t> ids_in(DatabaseSubject& subject) {
  std::set<std::int64_t> ids;
  EXPECT_TRUE(subject.read([&](Transaction& transaction) -> Result<void> {
    ids.clear();
    for (const auto& row : *transaction.query("SELECT id FROM item")) ids.insert(row.integer(0));
    return {};
  }));
  return ids;
}

/// Holds the writer's thread until it is let go, so that writes can pile up behind it. May run again.
class Blocker {
 public:
  Work work() {
    return [this](Transaction&) -> Result<void> {
      if (!entered_.try_wait()) entered_.count_down();
      let_go_.wait();
      return {};
    };
  }
  void await_entered() { entered_.wait(); }
  void let_go() { let_go_.count_down(); }

 private:
  std::latch entered_{1};
  std::latch let_go_{1};
};

/// Runs all in one group, behind a blocker; the blocker's result is the last.
std::vector<Result<void>> write_as_group(SqliteOnReactor& subject, std::vector<Work> works) {
  Blocker blocker;
  std::vector<Result<void>> results(works.size() + 1);
  std::promise<void> blocked;
  subject.start_all({blocker.work()}, [&](std::size_t, Result<void> result) {
    results.back() = std::move(result);
    blocked.set_value();
  });
  blocker.await_entered();
  std::promise<void> all;
  std::size_t left = works.size();
  subject.start_all(std::move(works), [&](std::size_t index, Result<void> result) {
    results[index] = std::move(result);
    if (--left == 0) all.set_value();
  });
  EXPECT_TRUE(subject.read([](Transaction&) -> Result<void> { return {}; }));  // the reactor has pushed them
  blocker.let_go();
  all.get_future().wait();
  blocked.get_future().wait();
  return results;
}

TEST(Sqlite, WritesThatWaitShareOneCommitAndItsFailure) {
  // However slow the machine, the group waits for those held up behind the blocker.
  SqliteOnReactor subject({.group_time = minutes{1}});
  ASSERT_TRUE(subject.write(execute(std::string(create))));
  ASSERT_TRUE(subject.write(execute("CREATE TABLE child (id BIGINT REFERENCES item (id))")));

  // A broken foreign key that SQLite is told to look at only when it commits.
  const Work poison = [](Transaction& transaction) -> Result<void> {
    EXPECT_TRUE(transaction.execute("PRAGMA defer_foreign_keys = ON"));
    return execute("INSERT INTO child (id) VALUES (99)")(transaction);
  };
  const Work refused = [](Transaction&) -> Result<void> { return fail(Errc::forbidden); };
  const auto results = subject.write_all({insert(1), poison, refused, insert(2)});
  // The first may have been committed alone, before the others had come.
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::validation_failed);
  EXPECT_EQ(results[2].error().code, Errc::forbidden);

  const auto group = write_as_group(subject, {insert(11), poison, insert(12)});
  for (const auto& result : group) EXPECT_FALSE(result);
  const auto ids = ids_in(subject);
  EXPECT_FALSE(ids.contains(11));
  EXPECT_FALSE(ids.contains(12));
}

TEST(Sqlite, AWriteThatFailsHasOthersRunAgainOnlyIfItHasWrittenAndTakesNothingFromThem) {
  SqliteOnReactor subject({.group_time = minutes{1}});
  ASSERT_TRUE(subject.write(execute(std::string(create))));
  int runs = 0;
  const auto counted = [&runs](std::int64_t id) -> Work {
    return [&runs, id](Transaction& transaction) {
      ++runs;
      return insert(id)(transaction);
    };
  };
  const Work refused = [](Transaction&) -> Result<void> { return fail(Errc::forbidden); };
  const Work refused_late = [](Transaction& transaction) -> Result<void> {
    if (auto done = insert(99)(transaction); !done) return done;
    return fail(Errc::forbidden);
  };
  const auto results = write_as_group(subject, {counted(1), refused, counted(2)});
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(results[0] && !results[1] && results[2]);

  runs = 0;
  const auto again = write_as_group(subject, {counted(3), refused_late, counted(4)});
  // The last had not had its turn when the one before it failed.
  EXPECT_GE(runs, 3);
  EXPECT_TRUE(again[0] && !again[1] && again[2]);
  EXPECT_EQ(again[1].error().code, Errc::forbidden);
  EXPECT_EQ(ids_in(subject), (std::set<std::int64_t>{1, 2, 3, 4}));
}

TEST(Sqlite, ItsLogStaysShortWhileOneWritesAfterTheOther) {
  constexpr std::size_t pages_max = 200;
  SqliteOnReactor subject({.log_pages_max = pages_max});
  ASSERT_TRUE(subject.write(execute("CREATE TABLE page (id BIGINT NOT NULL PRIMARY KEY, content TEXT)")));
  constexpr std::int64_t rows = 80;
  constexpr std::uintmax_t bytes = 100'000;
  for (std::int64_t i = 0; i < rows; ++i) {
    const hub::db::Value content = std::string(bytes, 'x');
    ASSERT_TRUE(subject.write(execute("INSERT INTO page (id, content) VALUES ($1, $2)", {i, content})));
  }
  // Left to itself it would hold all of it.
  EXPECT_LT(std::filesystem::file_size(subject.path() + "-wal"), rows * bytes / 2);
}

TEST(Sqlite, RefusesWritesBeyondItsQueueAndServesTheRest) {
  SqliteOnReactor subject({.waiting_max = 3});
  ASSERT_TRUE(subject.write(execute(std::string(create))));
  Blocker blocker;
  std::promise<void> blocked;
  subject.start_all({blocker.work()}, [&](std::size_t, Result<void> result) {
    EXPECT_TRUE(result);
    blocked.set_value();
  });
  blocker.await_entered();

  std::vector<Result<void>> results(5);
  std::promise<void> all;
  std::promise<void> two_refused;
  std::size_t ended = 0;
  subject.start_all({insert(1), insert(2), insert(3), insert(4), insert(5)},
                    [&](std::size_t index, Result<void> result) {
                      results[index] = std::move(result);
                      ++ended;
                      if (ended == 2) two_refused.set_value();
                      if (ended == 5) all.set_value();
                    });
  two_refused.get_future().wait();
  blocker.let_go();
  all.get_future().wait();
  blocked.get_future().wait();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(results[i]);
  for (std::size_t i = 3; i < 5; ++i) {
    ASSERT_FALSE(results[i]);
    EXPECT_EQ(results[i].error().code, Errc::overloaded);
    EXPECT_TRUE(results[i].error().retry_after.has_value());
  }
  EXPECT_EQ(ids_in(subject), (std::set<std::int64_t>{1, 2, 3}));
}

TEST(Sqlite, AReadSeesWhatWasWrittenBeforeItAlsoBehindOneThatBeganEarlier) {
  SqliteOnReactor subject({.readers = 1});
  ASSERT_TRUE(subject.write(execute(std::string(create))));
  std::size_t seen_early = 0;
  std::size_t seen_late = 0;
  const auto count = [](std::size_t& seen) {
    return [&seen](Transaction& transaction) -> Result<void> {
      const auto rows = transaction.query("SELECT id FROM item");
      if (!rows) return std::unexpected(rows.error());
      seen = rows->size();
      return {};
    };
  };
  Blocker blocker;
  std::promise<void> early_ended;
  std::promise<void> late_ended;
  subject.start_all_reads({[&, read = count(seen_early)](Transaction& transaction) {
                            auto done = read(transaction);
                            return done ? blocker.work()(transaction) : done;
                          }},
                          [&](std::size_t, Result<void> result) {
                            EXPECT_TRUE(result);
                            early_ended.set_value();
                          });
  blocker.await_entered();
  ASSERT_TRUE(subject.write(insert(1)));
  subject.start_all_reads({count(seen_late)}, [&](std::size_t, Result<void> result) {
    EXPECT_TRUE(result);
    late_ended.set_value();
  });
  ASSERT_TRUE(subject.write(insert(2)));  // Asked for behind the read, which waits for the reader by now.
  blocker.let_go();
  early_ended.get_future().wait();
  late_ended.get_future().wait();
  EXPECT_EQ(seen_early, 0U);
  EXPECT_GE(seen_late, 1U);
}

TEST(Sqlite, AQuickReadDoesNotWaitForASlowOneThatWasAskedForWithIt) {
  SqliteOnReactor subject({.readers = 1});
  std::atomic<bool> quick_ended = false;
  bool seen_by_slow = false;
  std::promise<void> slow_ended;
  const auto slow = [&](Transaction& transaction) -> Result<void> {
    // Until the other has ended, or for some seconds.
    for (int i = 0; i < 100 && !quick_ended; ++i) {
      auto counted = transaction.query(
          "WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 100000)"
          " SELECT COUNT(*) FROM number");
      if (!counted) return failure(counted);
    }
    seen_by_slow = quick_ended;
    return {};
  };
  subject.start_all_reads({execute("SELECT 1"), slow}, [&](std::size_t index, Result<void> result) {
    EXPECT_TRUE(result);
    index == 0 ? quick_ended.store(true) : slow_ended.set_value();
  });
  slow_ended.get_future().wait();
  EXPECT_TRUE(seen_by_slow);
}

TEST(Sqlite, GoesAwayWhileOthersStillWait) {
  auto subject = std::make_unique<SqliteOnReactor>();
  Blocker blocker;
  subject->start_all({blocker.work(), insert(1), insert(2)}, [](std::size_t, Result<void>) {});
  blocker.await_entered();
  auto gone = std::async(std::launch::async, [&] { subject.reset(); });
  blocker.let_go();
  gone.wait();
}

TEST(Sqlite, AToolWorksOnTheFileBesideTheDaemon) {
  SqliteOnReactor daemon;
  ASSERT_TRUE(daemon.write(execute(std::string(create))));
  auto tool = hub::db::open_for_tool("sqlite:" + daemon.path(), hub::db::IfMissing::fail);
  ASSERT_TRUE(tool);
  ASSERT_TRUE((*tool)->write_now(insert(1)));
  ASSERT_TRUE(daemon.write(insert(2)));
  EXPECT_EQ(ids_in(daemon), (std::set<std::int64_t>{1, 2}));
  std::int64_t seen = 0;
  ASSERT_TRUE((*tool)->read_now([&](Transaction& transaction) -> Result<void> {
    seen = transaction.query("SELECT COUNT(*) FROM item")->front().integer(0);
    return {};
  }));
  EXPECT_EQ(seen, 2);
}

/// Another process, which works on the file whose path it is told, and ends.
pid_t tool_beside(int told) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  std::array<char, 4096> path{};
  if (::read(told, path.data(), path.size() - 1) <= 0) ::_exit(1);
  auto tool = hub::db::SqliteInline::open(path.data());
  if (!tool || !(*tool)->write_now(insert(1))) ::_exit(1);
  tool->reset();
  ::_exit(0);
}

TEST(Sqlite, KeepsItsLogWhenAnotherProcessHasWorkedOnTheFileAndEnds) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t tool = tool_beside(told[0]);  // before there are threads
  ASSERT_GT(tool, 0);
  const TempDir dir;
  const std::string path = dir.file("hub.db");
  ASSERT_TRUE((*hub::db::SqliteInline::open(path))->write_now(execute(std::string(create))));
  net::Reactor reactor;
  const auto daemon = hub::db::Sqlite::open(reactor, path);
  ASSERT_TRUE(daemon);
  ASSERT_EQ(::write(told[1], path.data(), path.size()), std::ssize(path));
  int status = 0;
  ASSERT_EQ(::waitpid(tool, &status, 0), tool);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::exists(path + "-wal")) << "the daemon would write where nobody reads";
  ::close(told[0]);
  ::close(told[1]);
}

TEST(Sqlite, ItsFileIsForItsOwnerAlone) {
  SqliteOnReactor subject;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((subject.path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0077, 0u) << suffix;
  }
}

TEST(Sqlite, WhatIsNoDatabaseIsCorruptAndWhatIsNowhereUnavailable) {
  TempDir dir;
  {
    std::FILE* file = std::fopen(dir.file("text").c_str(), "w");
    for (int i = 0; i < 1000; ++i) std::fputs("this is no database\n", file);
    std::fclose(file);
  }
  auto text = hub::db::SqliteInline::open(dir.file("text"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::corrupt);
  auto nowhere = hub::db::SqliteInline::open(dir.file("no/such/folder/hub.db"));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Errc::database_unavailable);
}

TEST(DatabaseUrl, NamesAnSqliteFileOrAPostgresDatabaseAndNothingElse) {
  EXPECT_EQ(*hub::db::sqlite_path("sqlite:/var/lib/hub.db"), "/var/lib/hub.db");
  for (const char* url : {"postgresql://user:secret@host:5432/perkline", "postgres://host/perkline",
                          "postgresql:///perkline?host=/var/run/postgresql&sslmode=disable"}) {
    const auto engine = hub::db::engine_of(url);
    ASSERT_TRUE(engine) << url;
    EXPECT_EQ(*engine, hub::db::Engine::postgresql);
    EXPECT_FALSE(hub::db::sqlite_path(url));
  }
  for (const char* url :
       {"postgresql://user:secret@host", "postgresql://user:secret@[::1/x", "postgresql://h/x?secret=1",
        "postgresql:secret", "sqlite:", "", "/var/lib/hub.db"}) {
    const auto engine = hub::db::engine_of(url);
    ASSERT_FALSE(engine) << url;
    EXPECT_EQ(engine.error().code, Errc::validation_failed);
    EXPECT_EQ(engine.error().detail.find("secret"), std::string::npos);
  }
}

Task<void> write_for_ever(hub::db::Database& database, std::int64_t first, std::int64_t step, int acks) {
  for (std::int64_t id = first;; id += step) {
    auto done = co_await database.write(insert(id));
    if (!done || ::write(acks, &id, sizeof id) != sizeof id) ::_exit(1);
  }
}

/// Never returns: writes with many callers at once and tells through `acks` what was acknowledged.
[[noreturn]] void write_until_killed(const std::string& path, int acks) {
  constexpr std::int64_t callers = 16;
  net::Reactor reactor;
  auto database = hub::db::Sqlite::open(reactor, path);
  if (!database) ::_exit(1);
  for (std::int64_t i = 0; i < callers; ++i) reactor.spawn(write_for_ever(**database, i, callers, acks));
  reactor.run();
  ::_exit(1);
}

TEST(Sqlite, EveryAcknowledgedWriteIsThereAfterKill9) {
  TempDir dir;
  const std::string path = dir.file("hub.db");
  ASSERT_TRUE((*hub::db::SqliteInline::open(path))->write_now(execute(std::string(create))));
  int acks[2];
  ASSERT_EQ(::pipe(acks), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) write_until_killed(path, acks[1]);
  ::close(acks[1]);

  std::set<std::int64_t> acknowledged;
  std::int64_t id = 0;
  while (acknowledged.size() < 2'000 && ::read(acks[0], &id, sizeof id) == sizeof id) acknowledged.insert(id);
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  while (::read(acks[0], &id, sizeof id) == sizeof id) acknowledged.insert(id);
  ::close(acks[0]);

  auto database = hub::db::SqliteInline::open(path);
  ASSERT_TRUE(database);
  std::set<std::int64_t> stored;
  ASSERT_TRUE((*database)->read_now([&](Transaction& transaction) -> Result<void> {
    for (const auto& row : *transaction.query("SELECT id FROM item")) stored.insert(row.integer(0));
    return {};
  }));
  EXPECT_GE(acknowledged.size(), 2'000u);
  for (const std::int64_t acked : acknowledged) EXPECT_TRUE(stored.contains(acked)) << acked;
}

}  // namespace
}  // namespace perkline::test
