#include <map>

#include <gtest/gtest.h>

#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/store_supply.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

using sync::ItemKind;

/// Units of stocked prizes between the hub and its stores.
class TillLeases : public Tills {};

TEST(LeaseShares, AreBoundedByWhatIsFreeAndByWhatAStoreHas) {
  using hub::wheel::units_to_lease;
  EXPECT_EQ(units_to_lease(0, 1, 0), 0);
  EXPECT_EQ(units_to_lease(1, 20, 0), 1) << "scarce: one unit a store, to who asks first";
  EXPECT_EQ(units_to_lease(1, 20, 1), 0);
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

TEST_F(TillLeases, ScarceStockGoesOneUnitAStoreToWhoAsksFirst) {
  const std::string prize = add_prize(2);
  FakeStore first = open_store("store-1");
  FakeStore second = open_store("store-2");
  FakeStore third = open_store("store-3");
  for (FakeStore* store : {&first, &second, &third}) store->look();
  EXPECT_EQ(units(prize), "0/2/0");
  EXPECT_EQ(first.units_held() + second.units_held(), 2);
  EXPECT_EQ(third.units_held(), 0);
  EXPECT_FALSE(third.sell_and_spin(card, false)) << "nothing else is in its draw";
  first.history().add(
      sync::LeaseReturned{.lease = first.items(ItemKind::prize_lease).begin()->first, .returned = 1});
  first.sync();
  third.look();
  EXPECT_EQ(third.units_held(), 1);
  first.look();
  EXPECT_EQ(first.items(ItemKind::prize_lease).size(), 0u);
  EXPECT_EQ(units(prize), "0/2/0");
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

TEST_F(TillLeases, ALostStoresLeasesAreWrittenOffWithoutOverselling) {
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

TEST_F(TillLeases, AStoreIsSuppliedSoonAfterItIsHeardAndAfterItHasGivenUnitsAway) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  hub_.execute("UPDATE store SET lease_holder = 'aa' WHERE id = 'store-1'");
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
          if (hub::wheel::take_unit(t, prize).value()) ++given[prize];
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
