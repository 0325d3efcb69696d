#include "hub/db/migrate.hpp"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::string_view meta =
    "CREATE TABLE hub_meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)";

class Migrating : public testing::Test {
 protected:
  Result<Migrated> run(std::vector<Migration> migrations) {
    return test::run_task(world_, migrate(*database_, clock_, uuids_, migrations));
  }
  bool has_table(const std::string& name) {
    bool found = false;
    EXPECT_TRUE(database_->read_now([&](Transaction& transaction) -> Result<void> {
      const std::string tables = test::on_postgres()
                                     ? "SELECT 1 FROM pg_tables WHERE tablename = $1"
                                     : "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1";
      found = transaction.query(tables, {name})->size() == 1;
      return {};
    }));
    return found;
  }

  test::ManualClock clock_;
  SeededRng rng_{1};
  UuidMaker uuids_{clock_, rng_};
  test::VirtualTime time_;
  test::SimWorld world_{time_};
  test::DatabasePlace place_{":memory:", test::Schema::none};
  std::unique_ptr<InlineDatabase> database_ = place_.open();
};

TEST_F(Migrating, BringsAnDatabasePlaceUpOnceAndThenLeavesItAlone) {
  const std::vector<Migration> both{{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id BIGINT)"}};
  auto first = run(both);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->from, 0);
  EXPECT_EQ(first->to, 2);
  EXPECT_TRUE(has_table("two"));
  auto again = run(both);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->from, 2);
  EXPECT_EQ(again->to, 2);
}

TEST_F(Migrating, GoesOnFromWhereTheDatabaseIs) {
  ASSERT_TRUE(run({{1, "0001_one", meta}}));
  auto next = run({{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id BIGINT)"}});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->from, 1);
  EXPECT_EQ(next->to, 2);
}

TEST_F(Migrating, RefusesAMigrationThatWasChangedAfterItWasApplied) {
  ASSERT_TRUE(run({{1, "0001_one", meta}}));
  const std::string changed = std::string(meta) + " -- a remark";
  auto refused = run({{1, "0001_one", changed}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
}

TEST_F(Migrating, RefusesASchemaNewerThanTheBinary) {
  ASSERT_TRUE(run({{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id BIGINT)"}}));
  auto refused = run({{1, "0001_one", meta}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::newer_format);
}

TEST_F(Migrating, RefusesAMigrationThatWasLeftOutBeforeALaterOne) {
  ASSERT_TRUE(run({{1, "0001_one", meta}, {3, "0003_three", "CREATE TABLE three (id BIGINT)"}}));
  auto refused = run({{1, "0001_one", meta},
                      {2, "0002_two", "CREATE TABLE two (id BIGINT)"},
                      {3, "0003_three", "CREATE TABLE three (id BIGINT)"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_FALSE(has_table("two"));
}

TEST_F(Migrating, AMigrationThatFailsLeavesNothingOfItselfBehind) {
  auto failed =
      run({{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id BIGINT); CREATE TABEL three"}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::internal);
  EXPECT_FALSE(has_table("two"));
  auto mended = run({{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id BIGINT)"}});
  ASSERT_TRUE(mended);
  EXPECT_EQ(mended->from, 1);
}

TEST_F(Migrating, TokensBecomeTheEnginesOwnWords) {
  ASSERT_TRUE(run({{1, "0001_one", meta}, {2, "0002_two", "CREATE TABLE two (id {{id}}, name TEXT)"}}));
  ASSERT_TRUE(database_->write_now([](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query("INSERT INTO two (name) VALUES ('a'), ('b') RETURNING id");
    EXPECT_EQ(rows->at(0).integer(0), 1);
    EXPECT_EQ(rows->at(1).integer(0), 2);
    return {};
  }));
}

TEST(HubSchema, IsOfMigrationsNumberedWithoutGaps) {
  std::int64_t number = 0;
  for (const Migration& migration : embedded_migrations()) {
    EXPECT_EQ(migration.number, ++number) << migration.name;
    EXPECT_FALSE(split_statements(migration.sql).empty()) << migration.name;
  }
  EXPECT_GE(number, 1);
}

TEST(HubSchema, ReleasedMigrationsStayAsTheyWere) {
  // Databases out there were made with them; a changed one would be refused.
  const std::vector<std::string> released{"351785d3ef489fa2761dcf474b905f7d2c53965ab23fc32b7fa81c9672a1e814",
                                          "a49c6f6a2e9afb3208c002e846147c15c7aa3a7ed71bbafaba30115cdad040e9",
                                          "6696a257b3b57a50557a16276f63c75ae9d33ce16bfaac053435e01c33efe1d2"};
  test::HubDatabase hub;
  const auto applied = hub.rows("SELECT checksum FROM schema_migration ORDER BY number");
  ASSERT_GE(applied.size(), released.size());
  for (std::size_t i = 0; i < released.size(); ++i) EXPECT_EQ(applied[i].text(0), released[i]) << i + 1;
}

TEST_F(Migrating, BringsAHubOfTheFirstReleaseUpWithAllItHolds) {
  const auto all = embedded_migrations();
  ASSERT_TRUE(run({all.begin(), all.begin() + 3}));
  const auto write = [&](const std::string& sql) {
    return database_->write_now([&](Transaction& transaction) -> Result<void> {
      auto done = transaction.execute(sql);
      if (!done) return failure(done);
      return {};
    });
  };
  const std::string hash = "'" + std::string(64, '0') + "'";
  ASSERT_TRUE(
      write("INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ('s', 1, 2, " +
            hash + ", 3)"));
  ASSERT_TRUE(
      write("INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, "
            "amount, earned,"
            " redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at)"
            " VALUES ('sess', 's', 'T-1', 'CUST-1', 'POS-1', 'USD', 15000, 450, 20, 5430, 'Gold', 'RCP-1', "
            "'v7', 11, 12)"));
  ASSERT_TRUE(
      write("INSERT INTO dead_letter (id, store_id, epoch, sequence, type, reason, event, received_at)"
            " VALUES ('s/1/2', 's', 1, 2, 'Unknown', 'type 99', '0a', 13)"));
  for (const char* id : {"b", "a"}) {
    ASSERT_TRUE(
        write("INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data) VALUES ('" +
              std::string(id) + "', 'SALE_PENDING', 1, 14, 'tp', '{}')"));
  }
  ASSERT_TRUE(run({all.begin(), all.end()}));
  EXPECT_TRUE(database_->read_now([](Transaction& transaction) -> Result<void> {
    const auto sale = transaction.query(
        "SELECT session_id, store_id, transaction_id, customer_id, channel_id, currency, tier, receipt_id,"
        " rules_version, state, amount, earned, redeemed, new_balance, finalized_at, received_at, returned,"
        " clawed_back, restored, pending_at, settled_at, provisional_earned FROM sale");
    EXPECT_EQ(sale->size(), 1u);
    const std::vector<std::string> texts{"sess", "s",    "T-1",   "CUST-1", "POS-1",
                                         "USD",  "Gold", "RCP-1", "v7",     "finalized"};
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(sale->at(0).text(i), texts[i]);
    const std::vector<std::int64_t> numbers{15000, 450, 20, 5430, 11, 12, 0, 0, 0};
    for (std::size_t i = 0; i < numbers.size(); ++i)
      EXPECT_EQ(sale->at(0).integer(texts.size() + i), numbers[i]) << i;
    for (std::size_t i = 19; i < 22; ++i) EXPECT_TRUE(sale->at(0).is_null(i)) << i;
    const auto letter = transaction.query("SELECT id, state FROM dead_letter");
    EXPECT_EQ(letter->at(0).text(0), "s:1:2");
    EXPECT_EQ(letter->at(0).text(1), "open");
    const auto told =
        transaction.query("SELECT id, position, traceparent, data FROM event_outbox ORDER BY seq");
    EXPECT_EQ(told->size(), 2u);
    for (std::size_t i = 0; i < told->size(); ++i) {
      EXPECT_EQ(told->at(i).text(0), i == 0 ? "a" : "b");
      EXPECT_EQ(told->at(i).integer(1), static_cast<std::int64_t>(i) + 1);
      EXPECT_EQ(told->at(i).text(2) + told->at(i).text(3), "tp{}");
    }
    EXPECT_EQ(transaction.query("SELECT position FROM event_numbering")->at(0).integer(0), 2);
    return {};
  }));
}

// What spins took and gave was not said by them before 0031: verify must not miss it afterwards.
TEST_F(Migrating, TakesWhatSpinsTookBeforeTheySaidSoForGranted) {
  const auto all = embedded_migrations();
  ASSERT_TRUE(run({all.begin(), all.begin() + 30}));
  const auto write = [&](const std::string& sql) {
    return database_->write_now([&](Transaction& transaction) -> Result<void> {
      auto done = transaction.execute(sql);
      if (!done) return failure(done);
      return {};
    });
  };
  ASSERT_TRUE(write("UPDATE prize SET stock = 10, awarded = 3 WHERE name = 'Cash'"));
  const auto spin = [&](const std::string& id, const std::string& user, const std::string& points) {
    return write(
        "INSERT INTO spin (id, user_id, store_id, session_id, customer_id, member, client_seed, seed_id, "
        "nonce,"
        " table_id, prize_id, prize_name, prize_type, cost, points, created_at) VALUES ('" +
        id + "', " + user + ", 's', '" + id + "', 'C', '" + id + "', '', 1, 1, 1, 'p', 'Cash', 'cash', 0, " +
        points + ", 1)");
  };
  ASSERT_TRUE(spin("lapsed", "'u'", "3"));
  ASSERT_TRUE(spin("nobodys", "NULL", "3"));
  ASSERT_TRUE(spin("worthless", "'u'", "0"));
  ASSERT_TRUE(run({all.begin(), all.end()}));
  EXPECT_TRUE(database_->read_now([](Transaction& transaction) -> Result<void> {
    const auto apart = transaction.query("SELECT awarded_apart FROM prize WHERE awarded_apart > 0");
    EXPECT_EQ(apart->size(), 1u);
    EXPECT_EQ(apart->at(0).integer(0), 3);
    const auto lapsed = transaction.query("SELECT id FROM spin WHERE lapsed = 1");
    EXPECT_EQ(lapsed->size(), 1u);
    EXPECT_EQ(lapsed->at(0).text(0), "lapsed");
    return {};
  }));
}

TEST_F(Migrating, LetsMailsMadeInMassesWaitBesideTheOthersAndNoLongerBehindThem) {
  const auto all = embedded_migrations();
  ASSERT_TRUE(run({all.begin(), all.begin() + 31}));
  ASSERT_TRUE(database_->write_now([&](Transaction& transaction) -> Result<void> {
    for (const char* name : {"tier_changed", "payment_completed"}) {
      auto done = transaction.execute(
          "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, next_at,"
          " created_at) VALUES ($1, $1, 'u', $1, '', '', 'waiting', 9000, 5)",
          {std::string(name)});
      if (!done) return failure(done);
    }
    return {};
  }));
  ASSERT_TRUE(run({all.begin(), all.end()}));
  EXPECT_TRUE(database_->read_now([](Transaction& transaction) -> Result<void> {
    const auto mails =
        transaction.query("SELECT template, in_masses, next_at FROM notification_mail ORDER BY template");
    EXPECT_EQ(mails->at(0).integer(1), 0);
    EXPECT_EQ(mails->at(0).integer(2), 9000);
    EXPECT_EQ(mails->at(1).integer(1), 1);
    EXPECT_EQ(mails->at(1).integer(2), 5);
    return {};
  }));
}

TEST(HubSchema, DrawsTheHubsIncarnationOnce) {
  test::TempDir dir;
  test::HubDatabase hub(dir.file("hub.db"));
  const auto incarnation = [&] {
    std::optional<Uuid> drawn;
    EXPECT_TRUE(hub.read([&](Transaction& transaction) -> Result<void> {
      auto found = hub_incarnation(transaction);
      if (!found) return failure(found);
      drawn = *found;
      return {};
    }));
    return drawn;
  };
  const auto first = incarnation();
  ASSERT_TRUE(first);
  hub.reopen();
  ASSERT_TRUE(test::run_task(hub.world(), migrate(hub.port(), hub.clock, hub.uuids)));
  EXPECT_EQ(incarnation(), first);
}

TEST(SplitStatements, KnowsCommentsAndQuotes) {
  EXPECT_EQ(split_statements("-- only; a remark\n"), std::vector<std::string>{});
  const auto statements =
      split_statements("SELECT 'a;b -- c', \"d;e\"; -- f; g\nSELECT 'it''s;';\n\n;SELECT 3");
  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[0], "SELECT 'a;b -- c', \"d;e\"");
  EXPECT_EQ(statements[1].substr(statements[1].find('S')), "SELECT 'it''s;'");
  EXPECT_EQ(statements[2], "SELECT 3");
}

}  // namespace
}  // namespace perkline::hub::db
