#include <array>
#include <map>

#include <gtest/gtest.h>

#include "hub/stores/awaited.hpp"
#include "hub/wheel/down.hpp"
#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/store_supply.hpp"
#include "shared/core/down_limits.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

using sync::ItemKind;

/// Units of stocked prizes between the hub and its stores.
class TillLeases : public Tills {};

TEST(LeaseShares, AreBoundedByWhatIsFreeAndByWhatAStoreHas) {
  using hub::wheel::units_to_lease;
  EXPECT_EQ(units_to_lease(0, 1, 0), 0);
  EXPECT_EQ(units_to_lease(1, 20, 0), 0) << "the last one is the web's";
  EXPECT_EQ(units_to_lease(2, 20, 0), 1) << "scarce: one unit a store";
  EXPECT_EQ(units_to_lease(2, 20, 1), 0);
  EXPECT_EQ(units_to_lease(80, 4, 0), 5);
  EXPECT_EQ(units_to_lease(80, 4, 2), 3) << "less than half of it is left";
  EXPECT_EQ(units_to_lease(80, 4, 3), 0);
  EXPECT_EQ(units_to_lease(1'000'000, 1, 0), 50);
  EXPECT_EQ(units_to_lease(1'000'000, 1, 24), 26);
  EXPECT_EQ(units_to_lease(1'000'000, 1, 25), 0);
  EXPECT_EQ(units_to_lease(10, 0, 0), 2) << "of no store that is open yet";
}

TEST_F(TillLeases, AStoreIsLeasedUnitsOnceItTellsWhoHoldsThem) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  const hub::wheel::UpkeepCause cause{.id = hub_.uuids.next(), .at = hub_.clock.wall};
  write([&](hub::db::Transaction& t) -> Result<void> {
    EXPECT_EQ(hub::wheel::keep_leases(t, cause, store.id()).value(), 0);
    return {};
  });
  EXPECT_EQ(units(prize), "80/0/0") << "an older store draws none";
  store.look();
  EXPECT_EQ(units(prize), "60/20/0");
  EXPECT_EQ(store.units_held(), 20);
  const auto lease = hub_.rows("SELECT id, return_after FROM prize_lease").at(0);
  EXPECT_EQ(store.items(ItemKind::prize_lease).at(lease.text(0)),
            R"({"prize":")" + prize + R"(","units":20,"holder":")" +
                to_hex({reinterpret_cast<const char*>(store.holder().bytes.data()), 16}) +
                R"(","returnAfter":")" + format_time(hub_.clock.wall + hours{24}) + R"("})");
  store.look();
  EXPECT_EQ(units(prize), "60/20/0") << "it has what it needs";
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(TillLeases, LeasesAreToppedUpWhenHalfOfThemIsGoneAndLeaveTheCatalogueWhenAllIs) {
  const std::string prize = add_prize(16);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.units_held(), 4);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  store.look();
  EXPECT_EQ(units(prize), "12/2/2") << "3 of 12 free are its due, and it has more than half of that";
  EXPECT_EQ(store.units_held(), 2);
  ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  store.look();
  EXPECT_EQ(units(prize), "10/3/3");
  EXPECT_EQ(store.units_held(), 3);
  ASSERT_EQ(store.items(ItemKind::prize_lease).size(), 2u);
  while (store.units_held() > 1) ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  store.look();
  EXPECT_EQ(dead_letters(), 0);
  for (const auto& row : hub_.rows("SELECT id FROM prize_lease WHERE awarded = units"))
    EXPECT_FALSE(store.items(ItemKind::prize_lease).contains(row.text(0)));
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(TillLeases, ScarceStockGoesRoundOneUnitAStoreAndTheLastIsTheWebs) {
  const std::string prize = add_prize(2);
  FakeStore first = open_store("store-1");
  FakeStore second = open_store("store-2");
  FakeStore third = open_store("store-3");
  const std::array stores{&first, &second, &third};
  for (FakeStore* store : stores) store->look();
  EXPECT_EQ(units(prize), "1/1/0");
  EXPECT_EQ(first.units_held(), 1);
  EXPECT_FALSE(third.sell_and_spin(card, false)) << "nothing else is in its draw";
  for (std::size_t turn = 0; turn < 4; ++turn) {
    FakeStore& holder = *stores.at(turn % 3);
    ASSERT_EQ(holder.units_held(), 1) << turn;
    holder.history().add(
        sync::LeaseReturned{.lease = holder.items(ItemKind::prize_lease).begin()->first, .returned = 1});
    holder.sync();
    holder.look();
    EXPECT_EQ(holder.units_held(), 0) << "what comes back is for the others";
    hub_.clock.wall += hours{2};
    for (FakeStore* store : stores) ASSERT_TRUE(store->answer_of(store->hello(hub_.uuids.next())));
    for (std::size_t i = 0; i < 6; ++i) stores.at(i % 3)->look();
    EXPECT_EQ(units(prize), "1/1/0");
  }
}

TEST_F(TillLeases, WhatAStoreGivesBackItIsNotLeasedAgainAtOnce) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.units_held(), 20);
  const auto give_back = [&] {
    store.history().add(
        sync::LeaseReturned{.lease = store.items(ItemKind::prize_lease).begin()->first, .returned = 20});
    store.sync();
    store.look();
  };
  give_back();
  EXPECT_EQ(units(prize), "80/0/0") << "a clock that runs away would have it turn over for ever";
  hub_.clock.wall += hours{1};
  store.look();
  EXPECT_EQ(store.units_held(), 20);
}

TEST_F(TillLeases, MoreThanIsLeftCannotBeGivenBack) {
  add_prize(16);
  FakeStore store = open_store("store-1");
  store.look();
  const std::string lease = store.items(ItemKind::prize_lease).begin()->first;
  store.history().add(sync::LeaseReturned{.lease = lease, .returned = 3});
  store.history().add(sync::LeaseReturned{.lease = lease, .returned = 5});
  store.history().add(sync::LeaseReturned{.lease = lease, .returned = 3});
  store.sync();
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(hub_.number("SELECT returned FROM prize_lease"), 3);
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(TillLeases, ARestoredStoreDrawsFromNewLeasesAlone) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  store.begin_new_life();
  EXPECT_EQ(store.units_held(), 0) << "what an earlier life holds is not known to have been kept";
  store.look();
  EXPECT_EQ(units(prize), "45/35/0") << "20 of the earlier life's, a fourth of the rest";
  EXPECT_EQ(store.units_held(), 15);
  EXPECT_EQ(write_off(store.id(), hub::wheel::LeaseLives::earlier), 20);
  EXPECT_EQ(units(prize), "65/15/0");
  store.look();
  EXPECT_EQ(store.items(ItemKind::prize_lease).size(), 1u);
  ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  EXPECT_EQ(dead_letters(), 0) << "what it goes on with is its own";
}

// The machine that the store was moved away from is switched on again.
TEST_F(TillLeases, AProcessOfAnEpochThatIsOverTakesNoLeasesOver) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  FakeStore old = store;
  ASSERT_TRUE(store.answer_of(store.hello(hub_.uuids.next())));
  write([&](hub::db::Transaction& t) -> Result<void> {
    auto begun =
        hub::stores::begin_epoch(t, store.id(), {.by = "test", .reason = "moved", .now = hub_.clock.wall});
    if (!begun) return failure(begun);
    return {};
  });
  store.look();
  EXPECT_EQ(store.units_held(), 0) << "until somebody has adopted the new epoch the leases are nobody's";
  store.begin_new_epoch(2);
  ASSERT_TRUE(store.answer_of(store.hello(hub_.uuids.next())));
  store.look();
  const std::int64_t held = store.units_held();
  EXPECT_GT(held, 0);
  const auto answer = old.answer_of(old.hello(hub_.uuids.next()));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Fork>(*answer));
  old.look();
  EXPECT_EQ(old.units_held(), 0);
  const auto row = hub_.rows("SELECT lease_holder FROM store").at(0);
  EXPECT_EQ(row.text(0), to_hex({reinterpret_cast<const char*>(store.holder().bytes.data()),
                                 store.holder().bytes.size()}));
  EXPECT_EQ(write_off(store.id(), hub::wheel::LeaseLives::earlier), 20) << "the old machine's";
  store.look();
  EXPECT_GE(store.units_held(), held) << "another process's trouble is none of the store's";
  ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(TillLeases, AStoreWhoseDataIsCopiedHoldsNoLeasesUntilItIsOneAgain) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.units_held(), 20);
  const std::array boots{hub_.uuids.next(), hub_.uuids.next()};
  const int before = prizes_used_;
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(store.answer_of(store.hello(boots.at(i % 2))));
  EXPECT_EQ(hub_.rows("SELECT fork FROM store").at(0).text(0), "cloned");
  EXPECT_EQ(prizes_used_, before + 1) << "it is to be looked after at once";
  store.look();
  EXPECT_EQ(store.units_held(), 0) << "either would give the same units away";
  EXPECT_FALSE(store.sell_and_spin(card, false));
  EXPECT_EQ(units(prize), "60/20/0") << "what either has given away already is not known";
  write([&](hub::db::Transaction& t) -> Result<void> {
    const auto put = hub::wheel::refresh_leases_down(t);
    if (!put) return std::unexpected(put.error());
    return {};
  });
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM catalogue_item WHERE kind = 6 AND body IS NOT NULL"), 0);
  EXPECT_EQ(write_off(store.id(), hub::wheel::LeaseLives::earlier), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM catalogue_item WHERE kind = 6 AND body IS NOT NULL"), 0);
  store.sync();
  hub_.clock.wall += minutes{3};
  ASSERT_TRUE(store.answer_of(store.hello(boots.at(1))));
  EXPECT_EQ(prizes_used_, before + 2);
  store.look();
  EXPECT_EQ(store.units_held(), 20);
  EXPECT_EQ(units(prize), "60/20/0");
}

TEST_F(TillLeases, AStoreThatCannotBeServedKeepsNoOtherFromItsLeases) {
  FakeStore full = open_store("store-1");
  FakeStore next = open_store("store-2");
  for (FakeStore* store : {&full, &next}) store->look();
  const std::string prize = add_prize(80);
  hub_.execute(
      "INSERT INTO catalogue_item (scope, kind, item_id, body, version) VALUES ('store-1', 4711, 'x', $1, 1)",
      {std::string(limits::catalogue_body_bytes_max + 1, 'x')});
  const auto kept = run_task(hub_.world(), hub::wheel::keep_all_leases(hub_.port(), hub_.clock, hub_.uuids));
  ASSERT_FALSE(kept) << "and that is told";
  EXPECT_EQ(kept.error().code, Errc::validation_failed);
  EXPECT_EQ(hub_.rows("SELECT store_id FROM prize_lease").size(), 1u);
  EXPECT_EQ(hub_.rows("SELECT store_id FROM prize_lease").at(0).text(0), "store-2");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

// The hub books no more than the stock. Customers may hold one more for each unit that the store gave away
// unheard.
TEST_F(TillLeases, ALostStoresLeasesAreWrittenOffAndWhatItGaveAwayUnheardIsADeadLetter) {
  const std::string prize = add_prize(10);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.units_held(), 2);
  ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  ASSERT_EQ(store.sell_and_spin(card, false), prize) << "which nobody hears of before the fire";
  EXPECT_EQ(write_off(store.id()), 1);
  EXPECT_EQ(units(prize), "9/0/1");
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM audit WHERE action = 'lease.written_off'"), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM catalogue_item WHERE kind = 6 AND body IS NOT NULL"), 0);
  EXPECT_EQ(write_off(store.id()), 0) << "once";
  store.sync();
  EXPECT_EQ(dead_letters(), 1) << "it was not burnt down after all";
  EXPECT_EQ(reason(), "nothing is left of the lease");
  EXPECT_EQ(units(prize), "9/0/1");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

// The hub's database is a backup's from before the store was leased anything.
TEST_F(TillLeases, UnitsOfALeaseThatARestoredHubHasForgottenComeOutOfWhatIsFree) {
  const std::string prize = add_prize(8);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.units_held(), 2);
  const std::string lease = store.items(ItemKind::prize_lease).begin()->first;
  for (int i = 0; i < 2; ++i) ASSERT_EQ(store.sell_and_spin(card, false), prize);
  hub_.execute("DELETE FROM prize_lease");
  hub_.execute("UPDATE prize SET leased = 0, awarded = 7 WHERE id = $1", {prize});
  store.history().add(sync::LeaseReturned{.lease = lease, .returned = 1});
  store.sync();
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(dead_letters(), 1) << "there was one unit only";
  EXPECT_EQ(units(prize), "0/0/8");
}

// Stock 1, won and told; the hub is then restored to the backup of before.
TEST_F(TillLeases, ARestoredHubGivesNothingScarceAwayUntilEveryStoreHasToldAll) {
  const std::string car = add_prize(4);
  const std::string once = add_prize(std::nullopt, true);
  const std::string plain = add_prize(std::nullopt);
  FakeStore first = open_store("store-1");
  FakeStore second = open_store("store-2");
  FakeStore lost = open_store("store-3");
  for (FakeStore* store : {&first, &second}) ASSERT_TRUE(store->answer_of(store->hello(hub_.uuids.next())));
  second.sale(card);
  second.sync();
  first.sale(card);
  write([&](hub::db::Transaction& t) { return hub::stores::await_all(t, hub_.clock.wall); });
  const auto drawn_on_the_web = [&] {
    std::vector<std::string> ids;
    write([&](hub::db::Transaction& t) -> Result<void> {
      for (const auto& prize : hub::wheel::drawable(t, {"user:1"}).value()) ids.push_back(prize.id);
      return {};
    });
    return ids;
  };
  const auto awaited = [&] {
    std::vector<std::string> ids;
    write([&](hub::db::Transaction& t) -> Result<void> {
      const auto found = hub::stores::find_awaited(t).value();
      if (!found) return {};
      for (const StoreId& store : found->stores) ids.push_back(store.str());
      EXPECT_EQ(hub::stores::end_wait_if_told(t).value(), ids.empty());
      return {};
    });
    return ids;
  };
  first.look();
  second.look();
  EXPECT_EQ(units(car), "4/0/0");
  EXPECT_EQ(drawn_on_the_web(), std::vector{plain});
  EXPECT_EQ(second.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  EXPECT_EQ(awaited(), (std::vector<std::string>{"store-1", "store-3"})) << "store-1 has a sale to tell";
  first.sync();
  first.look();
  EXPECT_EQ(awaited(), std::vector<std::string>{"store-3"});
  EXPECT_EQ(units(car), "4/0/0");
  write([&](hub::db::Transaction& t) -> Result<void> {
    EXPECT_EQ(hub::stores::take_as_told(t, first.id(), hub_.clock.wall).error().code, Errc::session_state);
    return hub::stores::take_as_told(t, lost.id(), hub_.clock.wall);
  });
  EXPECT_EQ(awaited(), std::vector<std::string>{});
  first.look();
  EXPECT_EQ(first.units_held(), 1);
  EXPECT_EQ(drawn_on_the_web(), (std::vector{car, once, plain}));
  EXPECT_EQ(second.ask(hub_.uuids.next(), card), std::vector{once});
}

TEST_F(TillLeases, AStoreIsSuppliedSoonAfterItIsHeardAndAfterItHasGivenUnitsAway) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  hub_.execute("UPDATE store SET lease_holder = 'aa', lease_epoch = epoch WHERE id = 'store-1'");
  std::int64_t leased = 0;
  hub::wheel::StoreSupply supply({.database = hub_.port(),
                                  .clock = hub_.world().clock(),
                                  .ids = hub_.uuids,
                                  .rng = hub_.rng,
                                  .on_leased = [&leased](std::int64_t units) { leased += units; }});
  hub_.world().spawn(supply.run());
  supply.heard(store.id(), store.holder());
  hub_.world().run_until([] { return false; }, Millis{100});
  EXPECT_EQ(leased, 20);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM catalogue_item WHERE scope = 'store-1' AND kind = 5"), 31);
  hub_.execute("UPDATE prize_lease SET returned = 15");
  hub_.execute("UPDATE prize SET leased = 5 WHERE id = $1", {prize});
  supply.heard(store.id(), store.holder());
  hub_.world().run_until([] { return false; }, Millis{100});
  EXPECT_EQ(leased, 20) << "it says so all the time";
  supply.used(store.id());
  hub_.world().run_until([] { return false; }, Millis{100});
  EXPECT_EQ(leased, 33) << "75 are free: 18 are its due, and it has 5";
}

TEST_F(TillLeases, NothingIsLeasedByAClockInDoubt) {
  add_prize(80);
  FakeStore store = open_store("store-1");
  hub_.execute("UPDATE store SET lease_holder = 'aa', lease_epoch = epoch WHERE id = 'store-1'");
  hub::clock::ClockGuard guard(hub_.world().clock());
  ASSERT_FALSE(guard.look(hub_.world().clock().wall_now() - days{400}));
  std::int64_t leased = 0;
  hub::wheel::StoreSupply supply({.database = hub_.port(),
                                  .clock = hub_.world().clock(),
                                  .ids = hub_.uuids,
                                  .rng = hub_.rng,
                                  .guard = &guard,
                                  .on_leased = [&leased](std::int64_t units) { leased += units; }});
  hub_.world().spawn(supply.run());
  supply.used(store.id());
  hub_.world().run_until([] { return false; }, Millis{100});
  EXPECT_EQ(leased, 0);
  guard.look(hub_.world().clock().wall_now());
  supply.used(store.id());
  hub_.world().run_until([] { return false; }, Millis{100});
  EXPECT_EQ(leased, 20) << "somebody has confirmed it";
}

TEST_F(TillLeases, VerifyTellsStockThatDoesNotAgree) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
  hub_.execute("UPDATE prize SET leased = leased + 1 WHERE id = $1", {prize});
  EXPECT_EQ(stock_faults(),
            (std::vector{"prize " + prize + ": 20 units are leased, its leases have 19 left"}));
  hub_.execute("UPDATE prize SET leased = leased - 1 WHERE id = $1", {prize});
  hub_.execute("UPDATE spin SET lease_id = 'another', ordinal = 1");
  ASSERT_EQ(stock_faults().size(), 1u);
  EXPECT_TRUE(stock_faults().front().contains("0 spins have won one"));
}

// 20 stores, most of them cut off for long, and the hub's own spins give away what there is, and no more.
// Seeds 1 to 5.
TEST_F(TillLeases, StockIsNeverOversoldByTwentyStoresAndTheHub) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SeededRng rng(seed);
    hub_.execute("UPDATE prize SET active = 0");
    const std::string plenty = add_prize(static_cast<std::int64_t>(200 + rng.below(200)));
    const std::string scarce = add_prize(static_cast<std::int64_t>(1 + rng.below(15)));
    std::vector<FakeStore> stores;
    for (int i = 0; i < 20; ++i)
      stores.push_back(open_store("s" + std::to_string(seed) + '-' + std::to_string(i)));
    std::map<std::string, std::int64_t> given;
    for (int step = 0; step < 600; ++step) {
      FakeStore& store = stores[rng.below(stores.size())];
      const std::uint64_t what = rng.below(10);
      if (what < 6) {
        if (const auto prize = store.sell_and_spin("C-" + std::to_string(rng.below(50)), false))
          ++given[*prize];
      } else if (what == 6) {
        write([&](hub::db::Transaction& t) -> Result<void> {
          const std::string& prize = rng.below(2) == 0 ? plenty : scarce;
          if (!hub::wheel::take_unit(t, prize).value()) return {};
          ++given[prize];
          // There is no spin to go with it.
          auto apart = t.execute("UPDATE prize SET awarded_apart = awarded_apart + 1 WHERE id = $1", {prize});
          if (!apart) return failure(apart);
          return {};
        });
      } else if (what == 7) {
        store.look();
      } else if (what == 8) {
        store.sync();
      } else if (rng.below(4) == 0) {
        store.sync();
        store.begin_new_life();
        write_off(store.id(), hub::wheel::LeaseLives::earlier);
      }
      hub_.clock.wall += seconds{1};
    }
    for (FakeStore& store : stores) store.sync();
    EXPECT_EQ(dead_letters(), 0) << "seed " << seed;
    for (const std::string& prize : {plenty, scarce}) {
      const auto row = hub_.rows("SELECT stock, awarded FROM prize WHERE id = $1", {prize}).at(0);
      EXPECT_EQ(given[prize], row.integer(1)) << "seed " << seed;
      EXPECT_LE(given[prize], row.integer(0)) << "seed " << seed;
    }
    EXPECT_GT(given[plenty], 50) << "seed " << seed;
    EXPECT_EQ(stock_faults(), std::vector<std::string>{}) << "seed " << seed;
  }
}

}  // namespace
}  // namespace perkline::test
