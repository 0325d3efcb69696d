#include <algorithm>

#include <gtest/gtest.h>

#include "hub/tool_database.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/json/value.hpp"
#include "tests/unit/hub/commands_fixture.hpp"

namespace perkline::hub {
namespace {

/// `store`.
class CommandsOnStores : public CommandsTest {};

TEST_F(CommandsOnStores, StoreCommandsChangeTheRegistryAndTheAuditTogether) {
  EXPECT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  EXPECT_EQ(rows("SELECT store_id, CAST(COUNT(*) AS TEXT) FROM wheel_seed GROUP BY store_id"),
            std::vector<std::string>{"store-1 31"})
      << "it can draw at once";
  EXPECT_EQ(run([&] { return store_revoke_key(config_, "store-1"); }).status, exit_ok);
  EXPECT_EQ(run([&] { return store_retire(config_, "store-1"); }).status, exit_ok);
  EXPECT_EQ(run([&] { return store_retire(config_, "store-2"); }).status, exit_failed);
  EXPECT_EQ(rows("SELECT action, subject FROM audit ORDER BY id"),
            (std::vector<std::string>{"store.key_added store:store-1", "store.keys_revoked store:store-1",
                                      "store.retired store:store-1"}));
}

TEST_F(CommandsOnStores, StoreAddNamesItsFaults) {
  const Said said = run([&] { return store_add(config_, "no store!", "no key"); });
  EXPECT_EQ(said.status, exit_usage);
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 2) << said.err;
}

TEST_F(CommandsOnStores, StoreListAndShowPrintJson) {
  EXPECT_EQ(run([&] { return store_list(config_, true); }).status, exit_failed) << "there is no database yet";
  for (const char* id : {"b", "a"}) {
    EXPECT_EQ(run([&] { return store_add(config_, id, std::string(64, *id)); }).status, exit_ok);
  }
  const auto list = json::parse(run([&] { return store_list(config_, true); }).out);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->root().items().size(), 2u);
  EXPECT_EQ(list->root().items()[0].find("id")->text(), "a");
  const auto one = json::parse(run([&] { return store_show(config_, "b", true); }).out);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->root().find("cursor")->text(), "0");
  EXPECT_EQ(run([&] { return store_show(config_, "c", true); }).status, exit_failed);
  EXPECT_NE(run([&] { return store_list(config_, false); }).out.find("not connected"), std::string::npos);
}

TEST_F(CommandsOnStores, AStoreIsShownWithItsKeysAndThatNoneIsValidAnyMore) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  const std::string second(64, 'd');
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", second); }).status, exit_ok);
  ASSERT_EQ(run([&] { return store_add(config_, "store-2", std::string(64, 'e')); }).status, exit_ok);
  const auto shown = [&](bool json) { return run([&] { return store_show(config_, "store-1", json); }).out; };
  EXPECT_NE(shown(false).find(key_), std::string::npos);
  EXPECT_NE(shown(false).find(second), std::string::npos);
  EXPECT_EQ(shown(false).find(std::string(64, 'e')), std::string::npos) << "that is another store's";
  EXPECT_EQ(shown(false).find("revoked"), std::string::npos);
  EXPECT_EQ(shown(false).find("no valid key"), std::string::npos);
  ASSERT_EQ(run([&] { return store_revoke_key(config_, "store-1"); }).status, exit_ok);
  EXPECT_NE(shown(false).find("revoked"), std::string::npos);
  EXPECT_NE(shown(false).find("no valid key"), std::string::npos);
  const auto told = json::parse(shown(true)).value();
  const auto keys = told.root().find("keys")->items();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_TRUE(keys[0].find("revokedAt")->is(json::Value::Kind::string));
  const std::string listed = run([&] { return store_list(config_, false); }).out;
  const std::string line =
      listed.substr(listed.find("store-1"), listed.find("store-2") - listed.find("store-1"));
  EXPECT_NE(line.find("no valid key"), std::string::npos) << listed;
  EXPECT_EQ(listed.find("no valid key", listed.find("store-2")), std::string::npos) << listed;
}

TEST_F(CommandsOnStores, NewEpochPrintsItAloneAndTheAuditSaysWhoAndWhy) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  EXPECT_EQ(run([&] { return store_new_epoch(config_, "store-1", ""); }).status, exit_usage);
  const Said said = run([&] { return store_new_epoch(config_, "store-1", "disk replaced"); });
  EXPECT_EQ(said.status, exit_ok) << said.err;
  EXPECT_EQ(said.out, "2\n");
  EXPECT_EQ(run([&] { return store_new_epoch(config_, "store-9", "why"); }).status, exit_failed);
  const auto audit =
      rows("SELECT action, actor || ' ' || detail FROM audit WHERE action = 'store.epoch_granted'");
  ASSERT_EQ(audit.size(), 1u);
  EXPECT_NE(audit.front().find(command_line_actor()), std::string::npos) << audit.front();
  EXPECT_NE(audit.front().find("disk replaced"), std::string::npos) << audit.front();
  EXPECT_NE(run([&] { return store_show(config_, "store-1", false); }).out.find("disk replaced"),
            std::string::npos);
  EXPECT_EQ(run([&] { return store_accept_gap(config_, "store-1", "why"); }).status, exit_failed);
}

TEST_F(CommandsOnStores, StoreShowTellsForHowLongAStoreHasSeedsToDrawWith) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  const auto shown = [&](bool json) { return run([&] { return store_show(config_, "store-1", json); }).out; };
  EXPECT_TRUE(shown(true).contains(R"("seedsThrough":null)")) << "it was never heard: " << shown(true);
  EXPECT_FALSE(shown(false).contains("seeds ")) << shown(false);
  const auto config = load_config(config_);
  const auto change = [&](const std::string& sql, std::vector<db::Value> parameters = {}) {
    const auto database = open_tool_database(config.value(), IfMissing::fail);
    EXPECT_TRUE(database.value()->write_now([&](db::Transaction& transaction) -> Result<void> {
      auto changed = transaction.execute(sql, parameters);
      if (!changed) return failure(changed);
      return {};
    })) << sql;
  };
  const WallTime now = SystemClock().wall_now();
  change("UPDATE store SET last_seen = $1", {(now + hours{1}).time_since_epoch().count()});
  const wheel::Day last = wheel::day_of(now) + wheel::seeds_ahead;
  EXPECT_TRUE(shown(false).contains("seeds     of spins at tills through " + wheel::day_text(last) + '\n'))
      << shown(false);
  change("UPDATE wheel_seed SET day = day - 40");
  EXPECT_TRUE(shown(false).contains("seeds     NONE LEFT, it had those of spins at tills through " +
                                    wheel::day_text(last - days{40}) + '\n'))
      << shown(false);
}

TEST_F(CommandsOnStores, WriteOffLeasesFreesWhatALostStoreHadAndTheAuditSaysWhy) {
  ASSERT_EQ(run([&] { return store_add(config_, "store-1", key_); }).status, exit_ok);
  const auto config = load_config(config_);
  const auto database = open_tool_database(config.value(), IfMissing::fail);
  const SystemClock clock;
  const WallTime now = clock.wall_now();
  EXPECT_TRUE(database.value()->write_now([now](db::Transaction& transaction) -> Result<void> {
    auto stocked =
        transaction.query("UPDATE prize SET stock = 10 WHERE id = (SELECT MIN(id) FROM prize) RETURNING id");
    if (!stocked) return failure(stocked);
    auto known = transaction.execute("UPDATE store SET lease_holder = 'now', lease_epoch = epoch");
    if (!known) return failure(known);
    for (const char* holder : {"then", "now"}) {
      const auto granted = wheel::grant_lease(transaction, {.id = std::string("lease-") + holder,
                                                            .prize = stocked->front().text(0),
                                                            .store = StoreId("store-1"),
                                                            .units = 3,
                                                            .made_at = now,
                                                            .return_after = now,
                                                            .holder = holder});
      if (!granted) return std::unexpected(granted.error());
    }
    const auto kept = wheel::reserve_for(
        transaction, {.id = Uuid{{7}}, .store = StoreId("store-1"), .card = CustomerId("CUST-1")}, now);
    if (!kept) return std::unexpected(kept.error());
    EXPECT_FALSE(kept->empty());
    return {};
  }));
  const auto write_off = [&](const char* id, const char* reason, bool earlier) {
    return run([&] { return store_write_off_leases(config_, id, reason, earlier); });
  };
  const auto shown = [&](bool json) { return run([&] { return store_show(config_, "store-1", json); }).out; };
  EXPECT_TRUE(shown(false).contains(
      "leases    3 units of prizes, 3 of data that was lost: write-off-leases --earlier\n"))
      << shown(false);
  EXPECT_TRUE(shown(true).contains(R"("leasedUnits":{"present":3,"earlier":3})")) << shown(true);
  const auto listed = [&](bool json) { return run([&] { return store_list(config_, json); }).out; };
  EXPECT_TRUE(listed(false).contains(
      "store-1: 3 units of prizes that nobody draws from: store write-off-leases --earlier\n"))
      << listed(false);
  EXPECT_TRUE(listed(true).contains(R"("strandedUnits":3)")) << listed(true);
  EXPECT_EQ(write_off("store-1", "", false).status, exit_usage);
  EXPECT_EQ(write_off("store-9", "lost", false).status, exit_failed);
  EXPECT_EQ(write_off("store-1", "restored", true).out, "3\n");
  EXPECT_EQ(rows("SELECT id, holder FROM prize_lease WHERE returned = 0"),
            std::vector<std::string>{"lease-now now"});
  EXPECT_EQ(rows("SELECT winner, prize_id FROM prize_one_time").size(), 1u) << "its spins may yet come";
  EXPECT_TRUE(shown(false).contains("leases    3 units of prizes\n")) << shown(false);
  EXPECT_FALSE(listed(false).contains("nobody draws from")) << listed(false);
  EXPECT_TRUE(database.value()->write_now([](db::Transaction& transaction) -> Result<void> {
    auto retired = transaction.execute("UPDATE store SET retired_at = 1");
    if (!retired) return failure(retired);
    return {};
  }));
  EXPECT_TRUE(shown(false).contains("leases    3 units of prizes: write-off-leases\n")) << shown(false);
  EXPECT_TRUE(listed(true).contains(R"("strandedUnits":3)")) << listed(true);
  EXPECT_EQ(write_off("store-1", "burnt down", false).out, "3\n");
  EXPECT_FALSE(shown(false).contains("leases"));
  EXPECT_EQ(rows("SELECT winner, prize_id FROM prize_one_time").size(), 0u);
  EXPECT_EQ(
      rows("SELECT subject, detail FROM audit WHERE action = 'store.leases_written_off' ORDER BY at, id"),
      (std::vector<std::string>{
          R"(store:store-1 {"reason":"restored","earlier":true,"units":3,"spins":0})",
          R"(store:store-1 {"reason":"burnt down","earlier":false,"units":3,"spins":1})"}));
  EXPECT_EQ(run([&] { return verify(config_, true); }).status, exit_ok);
  EXPECT_TRUE(database.value()->write_now([](db::Transaction& transaction) -> Result<void> {
    auto changed = transaction.execute("UPDATE prize SET leased = 1 WHERE stock IS NOT NULL");
    if (!changed) return failure(changed);
    return {};
  }));
  const Said found = run([&] { return verify(config_, true); });
  EXPECT_EQ(found.status, exit_failed);
  EXPECT_TRUE(found.out.contains("1 units are leased, its leases have 0 left")) << found.out;
}

}  // namespace
}  // namespace perkline::hub
