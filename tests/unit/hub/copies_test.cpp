#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/db/open.hpp"
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
