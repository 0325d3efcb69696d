#include "hub/stores/stores.hpp"

#include <gtest/gtest.h>

#include "hub/stores/key_directory.hpp"
#include "hub/stores/progress.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::stores {
namespace {

const StoreId first{"store-1"};
const StoreId second{"store-2"};
const std::string key_a(64, 'a');
const std::string key_b(64, 'b');

class Stores : public testing::Test {
 protected:
  Result<void> add_store(const StoreId& id, const std::string& key) {
    return hub_.write(
        [&](db::Transaction& transaction) { return add(transaction, id, key, hub_.clock.wall); });
  }
  Result<void> revoke(const StoreId& id) {
    return hub_.write(
        [&](db::Transaction& transaction) { return revoke_keys(transaction, id, hub_.clock.wall); });
  }
  Store found(const StoreId& id) {
    std::optional<Store> store;
    EXPECT_TRUE(hub_.read([&](db::Transaction& transaction) -> Result<void> {
      auto one = find(transaction, id);
      if (!one) return failure(one);
      store = std::move(*one);
      return {};
    }));
    return store.value();
  }
  void tell(std::uint64_t tail) {
    ASSERT_TRUE(hub_.write([&](db::Transaction& transaction) {
      return note_hello(transaction,
                        {.store = first,
                         .epoch = 1,
                         .boot_id = {},
                         .tail = tail,
                         .status = {.tail = 0, .breaker = "OPEN", .queue_depth = 3, .version = "0.1.0"}},
                        hub_.clock.wall);
    }));
  }
  void move_to(std::uint64_t sequence) {
    ASSERT_TRUE(hub_.write([&](db::Transaction& transaction) {
      const sync::Cursor from = found_cursor(transaction);
      sync::Cursor to = from;
      to.sequence = sequence;
      return move_cursor(transaction, first, from, to);
    }));
  }
  static sync::Cursor found_cursor(db::Transaction& transaction) {
    return find(transaction, first).value().cursor;
  }

  test::HubDatabase hub_;
};

TEST_F(Stores, ANewStoreStandsBeforeItsFirstEvent) {
  ASSERT_TRUE(add_store(first, key_a));
  const Store store = found(first);
  EXPECT_EQ(store.cursor, sync::first_cursor(first, 1));
  EXPECT_EQ(store.lag(), std::nullopt);
  EXPECT_EQ(store.last_seen, std::nullopt);
  EXPECT_FALSE(store.connected(hub_.clock.wall));
  EXPECT_FALSE(store.retired);
}

TEST_F(Stores, LagIsWhatTheStoreHoldsBeyondTheCursorAndNeverNegative) {
  ASSERT_TRUE(add_store(first, key_a));
  tell(5);
  EXPECT_EQ(found(first).lag(), 5u);
  move_to(3);
  EXPECT_EQ(found(first).lag(), 2u);
  move_to(9);  // the store has told of its tail less often than it has sent
  EXPECT_EQ(found(first).lag(), 0u);
  EXPECT_EQ(found(first).breaker, "OPEN");
  EXPECT_EQ(found(first).queue_depth, 3);
  EXPECT_EQ(found(first).version, "0.1.0");
}

TEST_F(Stores, ATailBeyondWhatSqlCountsToIsTheLargestThere) {
  ASSERT_TRUE(add_store(first, key_a));
  tell(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(found(first).tail, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

TEST_F(Stores, ACursorMovesOnlyFromWhereItIs) {
  ASSERT_TRUE(add_store(first, key_a));
  auto moved = hub_.write([&](db::Transaction& transaction) {
    sync::Cursor elsewhere = found_cursor(transaction);
    elsewhere.sequence = 7;
    return move_cursor(transaction, first, elsewhere, elsewhere);
  });
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Errc::version_conflict);
}

TEST_F(Stores, IsConnectedWhileItWasSeenLately) {
  ASSERT_TRUE(add_store(first, key_a));
  tell(0);
  EXPECT_TRUE(found(first).connected(hub_.clock.wall + seconds{29}));
  EXPECT_FALSE(found(first).connected(hub_.clock.wall + seconds{31}));
}

TEST_F(Stores, TheSameKeyAgainChangesNothingAndAnotherIsOneMore) {
  ASSERT_TRUE(add_store(first, key_a));
  ASSERT_TRUE(add_store(first, key_a));
  ASSERT_TRUE(add_store(first, key_b));
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM store"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM store_key WHERE revoked_at IS NULL"), 2);
}

TEST_F(Stores, AKeyIsOneStoresForEver) {
  ASSERT_TRUE(add_store(first, key_a));
  EXPECT_EQ(add_store(second, key_a).error().code, Errc::already_registered);
  ASSERT_TRUE(revoke(first));
  EXPECT_EQ(add_store(first, key_a).error().code, Errc::already_registered);
}

TEST_F(Stores, WhatIsNoIdAndNoKeyIsToldAtOnce) {
  auto refused = add_store(StoreId("no store"), "ABC");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::validation_failed);
  EXPECT_EQ(refused.error().faults.size(), 2u);
  EXPECT_FALSE(add_store(StoreId(""), key_a));
  EXPECT_FALSE(add_store(StoreId(std::string(65, 's')), key_a));
  EXPECT_FALSE(add_store(first, std::string(64, 'A')));
}

TEST_F(Stores, AnUnknownOneIsNotFound) {
  EXPECT_EQ(revoke(first).error().code, Errc::not_found);
  EXPECT_EQ(hub_.write([&](db::Transaction& t) { return retire(t, first, hub_.clock.wall); }).error().code,
            Errc::not_found);
}

TEST_F(Stores, ARetiredOneTakesNoKeyAndIsHeldNoMore) {
  ASSERT_TRUE(add_store(first, key_a));
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) { return retire(t, first, hub_.clock.wall); }));
  EXPECT_TRUE(found(first).retired);
  EXPECT_EQ(add_store(first, key_b).error().code, Errc::session_state);
  auto held = hub_.write([&](db::Transaction& transaction) -> Result<void> {
    auto store = hold(transaction, first, hub_.clock.wall);
    if (!store) return failure(store);
    return {};
  });
  EXPECT_EQ(held.error().code, Errc::not_found);
}

TEST_F(Stores, AreListedNewestFirstPageByPage) {
  for (const char* id : {"b", "c", "a"}) {
    ASSERT_TRUE(add_store(StoreId(id), std::string(64, *id)));
    hub_.clock.wall += Millis{*id == 'c' ? 0 : 1};  // Two are made in the same millisecond.
  }
  std::vector<std::string> ids;
  ASSERT_TRUE(hub_.read([&](db::Transaction& transaction) -> Result<void> {
    for (const Store& store : list(transaction, "", 2).value()) ids.push_back(store.id.str());
    for (const Store& store : list(transaction, ids.back(), 2).value()) ids.push_back(store.id.str());
    return {};
  }));
  EXPECT_EQ(ids, (std::vector<std::string>{"c", "a", "b"}));
}

TEST_F(Stores, AKeyLetsItsStoreInFromTheNextReadUntilItIsRevoked) {
  test::VirtualTime time;
  test::SimWorld world(time);
  StoreKeys keys(hub_.port(), world.clock());
  ASSERT_TRUE(test::run_task(world, keys.refresh()));
  EXPECT_EQ(keys.store_of(key_a), std::nullopt);

  world.spawn(keys.keep_fresh());
  ASSERT_TRUE(add_store(first, key_a));
  ASSERT_TRUE(add_store(second, key_b));
  EXPECT_TRUE(world.run_until([&] { return keys.store_of(key_a) == first; }, Millis{1000}));
  EXPECT_EQ(keys.store_of(key_b), second);

  ASSERT_TRUE(revoke(first));
  EXPECT_TRUE(world.run_until([&] { return !keys.store_of(key_a); }, Millis{1000}));
  EXPECT_EQ(keys.store_of(key_b), second);
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) { return retire(t, second, hub_.clock.wall); }));
  EXPECT_TRUE(world.run_until([&] { return !keys.store_of(key_b); }, Millis{1000}));
}

}  // namespace
}  // namespace perkline::hub::stores
