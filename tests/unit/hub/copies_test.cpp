#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "hub/db/open.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/wheel/spin.hpp"
#include "shared/core/random.hpp"
#include "tests/unit/hub/commands_fixture.hpp"

namespace perkline::hub {
namespace {

/// `backup` and `restore`.
class Copies : public CommandsTest {
 protected:
  /// The URL of what a restore says it has kept.
  std::string kept_by(const Said& restored) const {
    constexpr std::string_view before = "is kept as ";
    const std::size_t at = restored.err.find(before);
    if (at == std::string::npos) return {};
    std::string name = restored.err.substr(at + before.size());
    name.resize(name.find('\n'));
    if (!test::on_postgres()) return "sqlite:" + name;
    const std::string url = place_.url();
    return url.substr(0, url.rfind('/') + 1) + name;
  }
  static std::vector<std::string> rows_of(const std::string& url, const std::string& sql) {
    std::vector<std::string> found;
    const auto database = db::open_for_tool(url, IfMissing::fail);
    if (!database) return {database.error().detail};
    const auto done = (*database)->read_now([&](db::Transaction& transaction) -> Result<void> {
      auto result = transaction.query(sql);
      if (!result) return failure(result);
      for (const auto& row : *result) found.push_back(row.text(0) + ' ' + row.text(1));
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
    return found;
  }
};

/// What only a file has: an owner.
class SqliteCopies : public Copies {};

TEST_F(Copies, ABackupIsWholeAndIsNotWrittenOverAnything) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  const std::string file = folder_.file("backup.db");
  EXPECT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  EXPECT_EQ(run([&] { return backup(config_, file); }).status, exit_failed);
  struct ::stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST_F(Copies, AHubTellsWhenTheLastBackupWasMadeThatIsWhole) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  const auto noted = [&] {
    return rows("SELECT name, CAST(succeeded_at AS TEXT) FROM job_run WHERE name = 'backup'");
  };
  EXPECT_TRUE(noted().empty());
  ASSERT_EQ(run([&] { return backup(config_, folder_.file("1.db")); }).status, exit_ok);
  const auto first = noted();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_GT(std::stoll(first[0].substr(first[0].find(' '))), 1'700'000'000'000) << "ms since 1970";
  EXPECT_EQ(run([&] { return backup(config_, folder_.file("1.db")); }).status, exit_failed);
  EXPECT_EQ(noted(), first) << "none was made";
  // By a clock that was years ahead.
  const auto ahead = db::open_for_tool(place_.url(), IfMissing::fail);
  ASSERT_TRUE((*ahead)->write_now([](db::Transaction& transaction) -> Result<void> {
    auto set =
        transaction.execute("UPDATE job_run SET began_at = 9000000000000, succeeded_at = 9000000000000");
    if (!set) return failure(set);
    return {};
  }));
  ASSERT_EQ(run([&] { return backup(config_, folder_.file("2.db")); }).status, exit_ok);
  ASSERT_EQ(noted().size(), 1u);
  EXPECT_LT(noted()[0], "backup 9");
}

TEST_F(Copies, ARestoreBringsTheBackupUnderAnotherIncarnationAndKeepsWhatWasThere) {
  const std::string file = folder_.file("backup.db");
  const std::string incarnation = "SELECT name, value FROM hub_meta WHERE name = 'hub_incarnation'";
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  const auto before = rows(incarnation);
  ASSERT_EQ(run([&] { return store_add(config_, "store-2", std::string(64, 'c')); }).status, exit_ok);

  const Said said = run([&] { return restore(config_, file); });
  EXPECT_EQ(said.status, exit_ok) << said.err;
  EXPECT_EQ(rows("SELECT id, id FROM store"), std::vector<std::string>{"store-1 store-1"});
  EXPECT_NE(rows(incarnation), before);
  EXPECT_EQ(rows("SELECT action, action FROM audit WHERE action = 'hub.restored'").size(), 1u);
  const auto shown = [&] { return run([&] { return store_show(config_, "store-1", false); }).out; };
  EXPECT_TRUE(shown().contains("awaited   this hub was restored")) << shown();
  const auto take = [&](const char* reason) {
    return run([&] { return store_take_as_told(config_, "store-1", reason); });
  };
  EXPECT_EQ(take("").status, exit_usage);
  EXPECT_EQ(take("burnt down").status, exit_ok);
  EXPECT_EQ(take("burnt down").status, exit_failed);
  EXPECT_FALSE(shown().contains("awaited")) << shown();
  EXPECT_EQ(rows("SELECT subject, detail FROM audit WHERE action = 'store.taken_as_told'"),
            std::vector<std::string>{R"(store:store-1 {"reason":"burnt down"})"});
  EXPECT_EQ(rows_of(kept_by(said), "SELECT id, id FROM store"),
            (std::vector<std::string>{"store-1 store-1", "store-2 store-2"}));
}

TEST_F(Copies, ARestoreGoesOnBehindEveryNotificationThatMayHaveBeenSaid) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  const std::string last = "SELECT CAST(last AS TEXT), 'is last' FROM notification_sequence";
  EXPECT_EQ(rows(last), std::vector<std::string>{"0 is last"});
  ASSERT_EQ(run([&] { return restore(config_, file); }).status, exit_ok);
  EXPECT_EQ(rows(last), std::vector<std::string>{"1000000000 is last"});
}

TEST_F(Copies, ARestoreEndsEverybodysSessions) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(create_admin("root@example.com", "a password of twelve").status, exit_ok);
  {
    const auto config = load_config(config_);
    const auto database = open_tool_database(config.value(), IfMissing::fail);
    ASSERT_TRUE(database.value()->write_now([](db::Transaction& transaction) -> Result<void> {
      auto opened = transaction.execute(
          "INSERT INTO refresh_family (id, user_id, n, rotated_at, created_at, expires_at)"
          " SELECT 'f', id, 3, 0, 0, 1 FROM users");
      if (!opened) return failure(opened);
      return {};
    }));
  }
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  ASSERT_EQ(rows("SELECT id, user_id FROM refresh_family").size(), 1u);
  ASSERT_EQ(run([&] { return restore(config_, file); }).status, exit_ok);
  EXPECT_EQ(rows("SELECT id, user_id FROM refresh_family").size(), 0u);
}

TEST_F(Copies, ARestoredHubDrawsWithNoSeedThatItMayHaveDrawnWithBefore) {
  const std::string file = folder_.file("backup.db");
  const std::string closed =
      "SELECT commitment, store_id FROM wheel_seed JOIN wheel_secret ON seed_id = id WHERE closed = 1";
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return jobs_run(config_, "wheel-seeds", true); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  EXPECT_EQ(rows(closed).size(), 0u);
  ASSERT_EQ(run([&] { return restore(config_, file); }).status, exit_ok);
  const auto days = rows(closed);
  ASSERT_GE(days.size(), 1u) << "today's";
  EXPECT_LE(days.size(), 2u) << "midnight may have passed";
  EXPECT_TRUE(days.front().ends_with(' ')) << "the hub's own, not a store's";
}

/// A wheel with two prizes that can be won once each: one there is one of, one that is one for a member.
class CopiesOfAWheel : public Copies {
 protected:
  static inline const std::string member = "0190163d-8694-7000-8000-00000000beef";
  static inline const std::string scarce = "0190163d-8694-7000-8000-0000000000a1";
  static inline const std::string once = "0190163d-8694-7000-8000-0000000000a2";

  void SetUp() override {
    ASSERT_EQ(create_admin("root@example.com", "a password of twelve").status, exit_ok);
    ASSERT_EQ(run([&] { return jobs_run(config_, "wheel-seeds", true); }).status, exit_ok);
    change([](db::Transaction& t) -> Result<void> {
      for (const char* sql : {"UPDATE prize SET active = 0", "UPDATE users SET role = 'member'"}) {
        if (auto done = t.execute(sql); !done) return failure(done);
      }
      auto renamed = t.execute("UPDATE users SET id = $1", {member});
      if (!renamed) return failure(renamed);
      return {};
    });
    add_prize(scarce, false, 1);
    add_prize(once, true, std::nullopt);
    ASSERT_EQ(run([&] { return backup(config_, file_); }).status, exit_ok);
  }

  void change(const db::InlineDatabase::Work& work) const {
    const auto database = open_tool_database(load_config(config_).value(), IfMissing::fail);
    const auto done = database.value()->write_now(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  void add_prize(const std::string& id, bool one_time, std::optional<std::int64_t> stock) {
    change([&](db::Transaction& t) {
      return wheel::add_prize(t, {.id = uuids_.next(), .at = clock_.wall_now(), .actor = "user:staff"},
                              {.id = id,
                               .name = "Mug",
                               .type = wheel::PrizeType::cash,
                               .tickets = 1,
                               .points = std::nullopt,
                               .one_time = one_time,
                               .stock = stock});
    });
  }
  /// What the member wins; empty: nothing can be won.
  std::string spin() {
    std::string won;
    const auto cause = wheel::make_cause(uuids_, clock_.wall_now(), "");
    change([&](db::Transaction& t) -> Result<void> {
      const auto spun = wheel::spin(t, {.cost = 0}, cause, UserId(member), "");
      if (!spun) EXPECT_EQ(spun.error().code, Errc::no_prize_available) << spun.error().detail;
      won = spun ? spun->spin.prize_id : "";
      return {};
    });
    return won;
  }
  /// Stores, of which there are none, have told all by then.
  Said restored(const std::string& file) {
    Said said = run([&] { return restore(config_, file); });
    EXPECT_EQ(said.status, exit_ok) << said.err;
    change([](db::Transaction& t) -> Result<void> {
      EXPECT_TRUE(stores::end_wait_if_told(t).value());
      return {};
    });
    return said;
  }
  Said take_as_told(const std::string& reason) {
    return run([&] { return prizes_take_as_told(config_, reason); });
  }
  std::vector<std::string> stock() const {
    return rows("SELECT CAST(stock AS TEXT), CAST(awarded AS TEXT) FROM prize WHERE id = '" + scarce + "'");
  }
  /// What was there is gone, as with its disk.
  void lose_database() {
    if (!test::on_postgres()) {
      std::filesystem::remove(folder_.file("hub.db"));
      return;
    }
    change([](db::Transaction& t) -> Result<void> {
      auto gone = t.execute("DROP TABLE prize_one_time");
      if (!gone) return failure(gone);
      return {};
    });
  }

  const SystemClock clock_;
  SystemRng rng_;
  UuidMaker uuids_{clock_, rng_};
  const std::string file_ = folder_.file("backup.db");
};

class CopiesWithMails : public CopiesOfAWheel {
 protected:
  /// Three mails wait in the backup, and of an event a fourth is about to be made.
  void SetUp() override {
    CopiesOfAWheel::SetUp();
    for (const char* id : {"a", "b", "c"}) add_mail(id, "event-of-" + std::string(id));
    change([](db::Transaction& t) -> Result<void> {
      auto appended = t.execute(
          "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data) VALUES ('coming',"
          " 'WALLET_CREATED', 1, 0, '', '{}')");
      if (!appended) return failure(appended);
      return {};
    });
    ASSERT_EQ(run([&] { return backup(config_, with_mails_); }).status, exit_ok);
  }
  void add_mail(const std::string& id, const std::string& event) const {
    change([&](db::Transaction& t) -> Result<void> {
      auto added = t.execute(
          "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, next_at,"
          " created_at) VALUES ($1, $2, 'u', 'wallet_created', 's', 'b', 'waiting', 0, 0)",
          {id, event});
      if (!added) return failure(added);
      return {};
    });
  }
  std::vector<std::string> mails() const {
    return rows("SELECT event_id, state FROM notification_mail ORDER BY event_id");
  }
  const std::string with_mails_ = folder_.file("mails.db");
};

TEST_F(CopiesWithMails, ARestoredHubSendsNoMailAgainThatWasSentSince) {
  add_mail("d", "coming");
  change([](db::Transaction& t) -> Result<void> {
    auto sent = t.execute("UPDATE notification_mail SET state = 'sent', decided_at = 1 WHERE id <> 'c'");
    if (!sent) return failure(sent);
    return {};
  });
  const Said restored = run([&] { return restore(config_, with_mails_); });
  ASSERT_EQ(restored.status, exit_ok) << restored.err;
  EXPECT_EQ(mails(), (std::vector<std::string>{"coming discarded", "event-of-a discarded",
                                               "event-of-b discarded", "event-of-c waiting"}));
}

TEST_F(CopiesWithMails, ARestoredHubThatCannotKnowWhatWasSentSendsNoneThatWaited) {
  lose_database();
  const Said restored = run([&] { return restore(config_, with_mails_); });
  ASSERT_EQ(restored.status, exit_ok) << restored.err;
  EXPECT_EQ(mails(), (std::vector<std::string>{"event-of-a discarded", "event-of-b discarded",
                                               "event-of-c discarded"}));
}

TEST_F(CopiesOfAWheel, ARestoredHubGivesAwayNothingThatWasWonOnTheWebBefore) {
  EXPECT_NE(spin(), "");
  EXPECT_NE(spin(), "");
  EXPECT_EQ(spin(), "") << "the member has both";
  // Again over what was restored, as operators do.
  for (int i = 0; i < 2; ++i) {
    const Said said = restored(file_);
    EXPECT_FALSE(said.err.contains("take-as-told")) << said.err;
    EXPECT_EQ(spin(), "");
    EXPECT_EQ(stock(), std::vector<std::string>{"1 1"});
  }
  EXPECT_EQ(rows("SELECT detail, action FROM audit WHERE action = 'hub.restored'"),
            std::vector<std::string>{R"({"webDrawsCarriedOver":true} hub.restored)"});
  EXPECT_EQ(take_as_told("none").status, exit_failed) << "nobody waits for it";
  EXPECT_EQ(run([&] { return verify(config_, true); }).status, exit_ok);
}

TEST_F(CopiesOfAWheel, AStockThatWasRaisedSinceIsRaisedSoFarAsUnitsAreGone) {
  change([](db::Transaction& t) -> Result<void> {
    for (const std::string& sql : {"UPDATE prize SET active = 0 WHERE id = '" + once + "'",
                                   "UPDATE prize SET stock = 5 WHERE id = '" + scarce + "'"}) {
      if (auto done = t.execute(sql); !done) return failure(done);
    }
    return {};
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(spin(), scarce);
  ASSERT_EQ(run([&] { return restore(config_, file_); }).status, exit_ok);
  EXPECT_EQ(stock(), std::vector<std::string>{"3 3"});
}

TEST_F(CopiesOfAWheel, SeedsDrawnWithAfterARestoreAreNotDrawnWithAfterTheNextOnTheSameDay) {
  add_prize("0190163d-8694-7000-8000-0000000000a3", false, std::nullopt);
  ASSERT_EQ(run([&] { return backup(config_, folder_.file("later.db")); }).status, exit_ok);
  const std::string drawn_with =
      "SELECT commitment, CAST(nonce AS TEXT) FROM spin JOIN wheel_seed ON wheel_seed.id = seed_id";
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(spin(), "");
    const auto drawn = rows(drawn_with);
    ASSERT_EQ(drawn.size(), 1u);
    EXPECT_EQ(std::ranges::find(all, drawn[0]), all.end()) << "the same seed and nonce again";
    all.push_back(drawn[0]);
    ASSERT_EQ(run([&] { return restore(config_, folder_.file("later.db")); }).status, exit_ok);
  }
}

TEST_F(CopiesOfAWheel, WhereWhatWasThereCannotBeReadScarcePrizesWaitForStaffsWord) {
  EXPECT_NE(spin(), "");
  lose_database();
  for (int i = 0; i < 2; ++i) {
    const Said said = restored(file_);
    EXPECT_TRUE(said.err.contains("prizes take-as-told --reason")) << said.err;
    EXPECT_EQ(spin(), "") << "which of them are gone nobody knows";
  }
  EXPECT_EQ(take_as_told("").status, exit_usage);
  EXPECT_EQ(take_as_told("counted").status, exit_ok);
  EXPECT_EQ(take_as_told("counted").status, exit_failed) << "once";
  EXPECT_EQ(rows("SELECT subject, detail FROM audit WHERE action = 'prizes.taken_as_told'"),
            std::vector<std::string>{R"(hub {"reason":"counted"})"});
  EXPECT_NE(spin(), "");
}

// A new machine on which the hub was started once before somebody thought of the backup.
TEST_F(CopiesOfAWheel, AnotherHubsDatabaseSaysNothingOfWhatWasGiven) {
  EXPECT_NE(spin(), "");
  change([](db::Transaction& t) -> Result<void> {
    for (const char* sql : {"DELETE FROM prize_one_time", "DELETE FROM spin", "UPDATE prize SET awarded = 0",
                            "UPDATE hub_meta SET value = '0190163d-8694-7000-8000-00000000cafe' WHERE name = "
                            "'hub_incarnation'"}) {
      if (auto done = t.execute(sql); !done) return failure(done);
    }
    return {};
  });
  const Said said = restored(file_);
  EXPECT_TRUE(said.err.contains("prizes take-as-told --reason")) << said.err;
  EXPECT_EQ(spin(), "");
}

TEST_F(Copies, ARestoreUnderARunningHubOrOfWhatIsNoBackupChangesNothing) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  {
    const auto config = load_config(config_);
    const auto open = open_tool_database(config.value(), IfMissing::fail);
    ASSERT_TRUE(open);
    EXPECT_EQ(run([&] { return restore(config_, file); }).status, exit_failed);
  }
  EXPECT_EQ(run([&] { return restore(config_, folder_.file("nothing")); }).status, exit_failed);
  EXPECT_EQ(run([&] { return restore(config_, write("text", std::string(9000, 'x'))); }).status, exit_failed);
  std::string damaged(std::filesystem::file_size(file), '\0');
  std::ifstream(file, std::ios::binary).read(damaged.data(), static_cast<std::streamsize>(damaged.size()));
  for (std::size_t at = damaged.size() / 3; at < damaged.size() / 2; ++at) damaged[at] = '\x5a';
  EXPECT_EQ(run([&] { return restore(config_, write("damaged", damaged)); }).status, exit_failed);
  EXPECT_EQ(rows("SELECT action, action FROM audit WHERE action = 'hub.restored'").size(), 0u);
  EXPECT_EQ(rows("SELECT id, id FROM store").size(), 1u);
}

TEST_F(Copies, WhoHasJustGoneIsNotInTheWayOfARestore) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  if (test::on_postgres()) {
    // The server knows of it only when it has slept.
    PGconn* const gone = ::PQconnectdb(place_.url().c_str());
    ASSERT_EQ(::PQsendQuery(gone, "SELECT pg_sleep(1)"), 1) << ::PQerrorMessage(gone);
    ::PQfinish(gone);
  }
  const Said restored = run([&] { return restore(config_, file); });
  EXPECT_EQ(restored.status, exit_ok) << restored.err;
}

TEST_F(SqliteCopies, WhatIsRestoredBelongsToWhoeverOwnsTheFolder) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  ASSERT_EQ(run([&] { return backup(config_, file); }).status, exit_ok);
  // Root restores for the daemon's user; anybody else can but for himself.
  constexpr ::uid_t somebody = 65'534;
  if (::geteuid() == 0) ASSERT_EQ(::chown(folder_.path().c_str(), somebody, somebody), 0);
  ASSERT_EQ(run([&] { return restore(config_, file); }).status, exit_ok);
  struct ::stat folder{};
  struct ::stat database{};
  ASSERT_EQ(::stat(folder_.path().c_str(), &folder), 0);
  ASSERT_EQ(::stat(folder_.file("hub.db").c_str(), &database), 0);
  EXPECT_EQ(database.st_uid, folder.st_uid);
  EXPECT_EQ(database.st_gid, folder.st_gid);
}

TEST_F(Copies, ALedgerThatDoesNotAgreeIsNotBackedUp) {
  const std::string file = folder_.file("backup.db");
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  {
    const auto database = db::open_for_tool(place_.url(), IfMissing::fail);
    ASSERT_TRUE((*database)->write_now([](db::Transaction& transaction) -> Result<void> {
      auto made = transaction.execute(
          "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance, may_be_negative, balance)"
          " VALUES ('member', 'nobody', 'points:rewards', 'rewards', 1, 0, 5)");
      if (!made) return failure(made);
      return {};
    }));
  }
  const Said said = run([&] { return backup(config_, file); });
  EXPECT_EQ(said.status, exit_failed);
  EXPECT_NE(said.err.find("ledger"), std::string::npos) << said.err;
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace perkline::hub
