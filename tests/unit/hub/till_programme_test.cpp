#include <gtest/gtest.h>

#include "hub/events/event_log.hpp"
#include "hub/identity/user.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/notifications/kinds.hpp"
#include "hub/points/purse.hpp"
#include "hub/promotions/assignments.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/wallet/wallet.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/spin.hpp"
#include "hub/wheel/store_supply.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "tests/unit/hub/fake_store.hpp"

namespace perkline::test {
namespace {

using hub::promotions::Promotion;
using hub::wheel::Prize;
using hub::wheel::PrizeType;
using sync::ClaimOutcome;
using sync::ItemKind;

const std::string card = "CUST-00001";

/// Stores that draw, claim and give back, over the hub's own code.
class Tills : public testing::Test {
 protected:
  Tills() { hub_.execute("UPDATE prize SET active = 0"); }

  FakeStore open_store(const std::string& name) {
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto made = hub::stores::make(t, StoreId(name), hub_.clock.wall);
      if (!made) return failure(made);
      return {};
    }));
    return FakeStore(hub_, ingest_, StoreId(name));
  }
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  hub::wheel::PrizeCause prize_cause() {
    return {.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"};
  }
  std::string add_prize(std::optional<std::int64_t> stock, bool one_time = false, std::int64_t tickets = 1) {
    const Prize made{.id = hub_.uuids.next().str(),
                     .name = "Mug",
                     .type = PrizeType::cash,
                     .tickets = tickets,
                     .points = std::nullopt,
                     .one_time = one_time,
                     .stock = stock};
    write([&](hub::db::Transaction& t) { return hub::wheel::add_prize(t, prize_cause(), made); });
    return made.id;
  }
  UserId add_owner(const std::string& of = card) {
    hub::identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = added.user.id.str() + "@example.com";
    added.user.loyalty_id = CustomerId(of);
    added.user.loyalty_verified = true;
    write([&](hub::db::Transaction& t) { return hub::identity::insert_user(t, added); });
    return added.user.id;
  }
  std::int64_t spins() { return hub_.number("SELECT COUNT(*) FROM spin"); }
  std::int64_t dead_letters() { return hub_.number("SELECT COUNT(*) FROM dead_letter WHERE state = 'open'"); }
  std::string reason() {
    return hub_.rows("SELECT reason FROM dead_letter ORDER BY sequence DESC").at(0).text(0);
  }
  std::string retry() {
    const auto letters = hub_.rows("SELECT id FROM dead_letter WHERE state = 'open' ORDER BY sequence");
    const hub::ingest::EffectIds ids{hub_.uuids.next(), hub_.uuids.next()};
    std::string state;
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto retried = hub::ingest::retry_dead_letter(t, letters.at(0).text(0), ids, hub_.clock.wall, terms_);
      if (!retried) return failure(retried);
      state = retried->state;
      return {};
    });
    return state;
  }
  std::int64_t events(const std::string& type) {
    return hub_.number("SELECT COUNT(*) FROM event_outbox WHERE type = $1", {type});
  }
  std::vector<std::string> stock_faults() {
    std::vector<std::string> found;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      found = hub::wheel::verify_stock(t).value();
      return {};
    }));
    return found;
  }
  std::int64_t write_off(const StoreId& store, hub::wheel::LeaseLives lives = hub::wheel::LeaseLives::all) {
    std::int64_t units = -1;
    write([&](hub::db::Transaction& t) -> Result<void> {
      units = hub::wheel::write_off_leases(t, prize_cause(), store, "burnt down", lives).value();
      return {};
    });
    return units;
  }
  /// `free/leased/awarded`
  std::string units(const std::string& prize) {
    const auto row =
        hub_.rows("SELECT stock - leased - awarded, leased, awarded FROM prize WHERE id = $1", {prize}).at(0);
    return std::to_string(row.integer(0)) + '/' + std::to_string(row.integer(1)) + '/' +
           std::to_string(row.integer(2));
  }

  HubDatabase hub_;
  const hub::wheel::Terms terms_{};
  hub::ingest::Ingest ingest_{hub_.port(), hub_.clock, hub_.rng, terms_};
};

// ---- draws

TEST_F(Tills, ADrawIsBookedOnceWithItsSaleAndGivesItsPointsToWhoHasTheCard) {
  add_prize(std::nullopt);
  const UserId owner = add_owner();
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE user_id = $1 AND points = 3", {owner.str()}), 1);
  // The whole history once more, as in an epoch that was granted because of a restore.
  store.history().epoch = 2;
  write([&](hub::db::Transaction& t) -> Result<void> {
    auto begun =
        hub::stores::begin_epoch(t, store.id(), {.by = "test", .reason = "restored", .now = hub_.clock.wall});
    if (!begun) return failure(begun);
    return {};
  });
  StoreHistory again(store.id(), hub_.uuids, hub_.clock);
  again.epoch = 2;
  for (const std::string& event : store.history().batch(1, store.history().tail()).events)
    again.add_bytes(sync::renumbered(event, 2, again.tail() + 1).value());
  const auto answer = store.answer_of(again.batch(1, again.tail()));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Ack>(*answer));
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(events("SPIN_EXECUTED"), 1);
}

TEST_F(Tills, ADrawThatDoesNotVerifyIsADeadLetterAndHoldsNobodyUp) {
  const std::string other = add_prize(std::nullopt);
  add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  auto drawn = store.draw(sale, hub_.uuids.next()).value();
  for (const auto& slot : drawn.slots) {
    if (slot.prize == drawn.prize) continue;
    drawn.prize = slot.prize;
    break;
  }
  store.history().add(drawn);
  ASSERT_TRUE(store.sell_and_spin("CUST-00002", false));
  store.sync();
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(spins(), 1) << "the other one's";
  EXPECT_EQ(retry(), "open");
}

TEST_F(Tills, ADrawNeedsASaleOfThatMemberAtThatStore) {
  add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  FakeStore elsewhere = open_store("store-2");
  store.look();
  elsewhere.look();
  const auto theirs = elsewhere.sale(card);
  elsewhere.sync();
  store.history().add(store.draw(theirs, hub_.uuids.next()).value());
  auto not_mine = store.sale("CUST-00002");
  not_mine.customer = CustomerId(card);
  store.history().add(store.draw(not_mine, hub_.uuids.next()).value());
  store.sync();
  EXPECT_EQ(dead_letters(), 2);
  EXPECT_EQ(spins(), 0);
}

TEST_F(Tills, ADrawIsForAPendingSaleTooButNotForOneThatWasRejectedBefore) {
  add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto pending_of = [&](const sync::SaleFinalized& sale) {
    return sync::SalePending{.session = sale.session,
                             .transaction = sale.transaction,
                             .customer = sale.customer,
                             .channel = sale.channel,
                             .amount = sale.amount,
                             .earned = sale.earned,
                             .redeemed = {},
                             .tier = "Base",
                             .receipt = ReceiptId("P-1"),
                             .rules_version = "",
                             .pending_at = hub_.clock.wall};
  };
  const auto rejected_of = [&](const sync::SaleFinalized& sale, Millis later) {
    return sync::SaleRejected{.session = sale.session,
                              .transaction = sale.transaction,
                              .customer = sale.customer,
                              .pdi_code = "",
                              .reason = "gone",
                              .rejected_at = hub_.clock.wall + later};
  };
  const auto first = store.history().sale(10, 0, card);
  store.history().add(pending_of(first));
  store.history().add(store.draw(first, hub_.uuids.next()).value());
  store.history().add(rejected_of(first, Millis{1}));
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(spins(), 1) << "the spin stays";
  auto second = store.history().sale(10, 0, card);
  second.transaction = TransactionId("T-second");
  store.history().add(pending_of(second));
  store.history().add(rejected_of(second, Millis{-1}));
  store.history().add(store.draw(second, hub_.uuids.next()).value());
  store.sync();
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(spins(), 1);
}

TEST_F(Tills, ASaleHasOneSpin) {
  add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  store.history().add(store.draw(sale, hub_.uuids.next()).value());
  store.history().add(store.draw(sale, hub_.uuids.next()).value());
  store.sync();
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(dead_letters(), 1);
}

TEST_F(Tills, ADrawThatWasRefusedCanBeTriedAgain) {
  const std::string stocked = add_prize(10);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(store.sell_and_spin(card, false), stocked);
  hub_.execute("UPDATE prize_lease SET store_id = store_id, returned = units");
  hub_.execute("UPDATE prize SET leased = 0 WHERE id = $1", {stocked});
  store.sync();
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(reason(), "nothing is left of the lease");
  hub_.execute("UPDATE prize_lease SET returned = 0");
  hub_.execute("UPDATE prize SET leased = (SELECT CAST(SUM(units) AS BIGINT) FROM prize_lease) WHERE id = $1",
               {stocked});
  EXPECT_EQ(retry(), "applied");
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

// ---- one-time prizes

TEST_F(Tills, AOneTimePrizeIsKeptForOneSpinUntilItIsDrawnOrDropped) {
  const std::string once = add_prize(std::nullopt, true);
  FakeStore store = open_store("store-1");
  FakeStore elsewhere = open_store("store-2");
  store.sale(card);
  store.sync();
  const Uuid first = hub_.uuids.next();
  const Uuid second = hub_.uuids.next();
  EXPECT_EQ(store.ask(first, card), std::vector{once});
  EXPECT_EQ(store.ask(first, card), std::vector{once}) << "asked again it answers the same";
  EXPECT_EQ(elsewhere.ask(second, card), std::vector<std::string>{});
  EXPECT_EQ(elsewhere.ask(first, card), std::vector<std::string>{}) << "another store's spin";
  EXPECT_EQ(store.ask(hub_.uuids.next(), "CUST-00002"), std::vector{once}) << "others have theirs to come";
  elsewhere.history().add(sync::SpinDropped{.spin = first, .customer = CustomerId(card)});
  elsewhere.sync();
  EXPECT_EQ(dead_letters(), 1) << "no store ends another's";
  EXPECT_EQ(elsewhere.ask(second, card), std::vector<std::string>{});
  store.history().add(sync::SpinDropped{.spin = first, .customer = CustomerId(card)});
  store.sync();
  EXPECT_EQ(store.ask(first, card), std::vector<std::string>{}) << "a question that comes late keeps nothing";
  EXPECT_EQ(elsewhere.ask(second, card), std::vector{once});
}

TEST_F(Tills, AOneTimePrizeThatWasWonStaysWon) {
  const std::string once = add_prize(std::nullopt, true);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  const Uuid spin = hub_.uuids.next();
  store.history().add(store.draw(sale, spin, store.ask(spin, card)).value());
  store.history().add(sync::SpinDropped{.spin = spin, .customer = CustomerId(card)});
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  EXPECT_EQ(store.ask(spin, card), std::vector<std::string>{});
}

TEST_F(Tills, WhatADrawDidNotWinIsToBeWonAgain) {
  const std::string once = add_prize(std::nullopt, true, 1);
  const std::string plain = add_prize(std::nullopt, false, 1'000'000);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  const Uuid spin = hub_.uuids.next();
  const auto drawn = store.draw(sale, spin, store.ask(spin, card)).value();
  ASSERT_EQ(drawn.prize, plain) << "but for one time in a million; the seeds are fixed";
  ASSERT_EQ(drawn.slots.size(), 2u);
  store.history().add(drawn);
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  store.sync();
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector{once});
}

TEST_F(Tills, EndedSpinsAreForgottenAfterALongTime) {
  FakeStore store = open_store("store-1");
  store.history().add(sync::SpinDropped{.spin = hub_.uuids.next(), .customer = CustomerId(card)});
  store.sync();
  const auto forget = [&] {
    std::int64_t count = -1;
    write([&](hub::db::Transaction& t) -> Result<void> {
      count = hub::wheel::forget_ended_spins(t, hub_.clock.wall).value();
      return {};
    });
    return count;
  };
  hub_.clock.wall += days{39};
  EXPECT_EQ(forget(), 0);
  hub_.clock.wall += days{2};
  EXPECT_EQ(forget(), 1);
}

// ---- leases

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

TEST_F(Tills, AStoreIsLeasedUnitsOnceItTellsWhoHoldsThem) {
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

TEST_F(Tills, LeasesAreToppedUpWhenHalfOfThemIsGoneAndLeaveTheCatalogueWhenAllIs) {
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

TEST_F(Tills, ScarceStockGoesOneUnitAStoreToWhoAsksFirst) {
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

TEST_F(Tills, MoreThanIsLeftCannotBeGivenBack) {
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

TEST_F(Tills, ARestoredStoreDrawsFromNewLeasesAlone) {
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

TEST_F(Tills, ALostStoresLeasesAreWrittenOffWithoutOverselling) {
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
TEST_F(Tills, UnitsOfALeaseThatARestoredHubHasForgottenComeOutOfWhatIsFree) {
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

TEST_F(Tills, AStoreIsSuppliedSoonAfterItIsHeardAndAfterItHasGivenUnitsAway) {
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

TEST_F(Tills, VerifyTellsStockThatDoesNotAgree) {
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

// ---- all at once

// 20 stores, most of them cut off for long, and the hub's own spins give away what there is, and no more.
// Seeds 1 to 5.
TEST_F(Tills, StockIsNeverOversoldByTwentyStoresAndTheHub) {
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

// The web, two stores that ask and one that is cut off: a member never has a one-time prize twice. Seeds 1
// to 5.
TEST_F(Tills, AOneTimePrizeIsNeverGivenToAMemberTwiceWhereverTheySpin) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SeededRng rng(seed);
    hub_.execute("UPDATE prize SET active = 0");
    const std::set<std::string> once{add_prize(std::nullopt, true), add_prize(std::nullopt, true)};
    add_prize(std::nullopt, false, 3);
    std::vector<std::pair<std::string, UserId>> members;
    for (int i = 0; i < 6; ++i) {
      const std::string its = "M" + std::to_string(seed) + '-' + std::to_string(i);
      members.emplace_back(its, add_owner(its));
    }
    write([&](hub::db::Transaction& t) -> Result<void> {
      for (const auto& [its, user] : members) {
        auto given = hub::points::give(t, terms_.programme, {.id = hub_.uuids.next(), .at = hub_.clock.wall},
                                       {.user = user,
                                        .amount = 1'000,
                                        .other = hub::points::programme_account("applied"),
                                        .external_id = "test:" + user.str(),
                                        .code = "apply"});
        if (!given) return failure(given);
      }
      return {};
    });
    EXPECT_TRUE(run_task(hub_.world(), hub::wheel::commit_seeds(hub_.port(), {hub::wheel::the_hub},
                                                                hub_.clock.wall, hub_.rng)));
    std::vector<FakeStore> stores;
    for (const char* name : {"a", "b", "cut-off"}) stores.push_back(open_store(name + std::to_string(seed)));
    for (FakeStore& store : stores) store.look();
    std::map<std::pair<std::string, std::string>, int> won;  // By card and prize.
    const auto note = [&](const std::string& its, const std::string& prize) {
      if (once.contains(prize)) ++won[{its, prize}];
    };
    for (int step = 0; step < 200; ++step) {
      const auto& member = members[rng.below(members.size())];
      const std::string& its = member.first;
      const UserId& user = member.second;
      const std::uint64_t where = rng.below(4);
      if (where < 3) {
        if (const auto prize = stores[where].sell_and_spin(its, where < 2)) note(its, *prize);
        if (rng.below(3) == 0) stores[where].sync();
        continue;
      }
      write([&](hub::db::Transaction& t) -> Result<void> {
        auto spun =
            hub::wheel::spin(t, terms_, hub::wheel::make_cause(hub_.uuids, hub_.clock.wall, ""), user, "");
        if (!spun) return failure(spun);
        note(its, spun->spin.prize_id);
        return {};
      });
    }
    for (FakeStore& store : stores) store.sync();
    EXPECT_EQ(dead_letters(), 0) << "seed " << seed;
    EXPECT_GT(won.size(), 3u) << "seed " << seed;
    for (const auto& [who, times] : won) EXPECT_EQ(times, 1) << who.first << ", seed " << seed;
  }
}

// ---- promotions

class TillClaims : public Tills {
 protected:
  TillClaims() {
    store_.sale(card);
    store_.sync();
    write([&](hub::db::Transaction& t) {
      return hub::promotions::create(
          t, {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()}, promotion_);
    });
  }
  void assign(const UserId& user) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto assigned = hub::promotions::assign(
          t, {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()},
          {.promotion = promotion_.id,
           .users = {user.str()},
           .events = {hub_.uuids.next()},
           .traceparent = {}});
      if (!assigned) return failure(assigned);
      return {};
    });
  }
  sync::ClaimAnswer ask(const Uuid& claim, std::optional<Uuid> promotion = std::nullopt) {
    const auto answer = store_.answer_of(sync::ClaimRequest{.claim = claim,
                                                            .customer = CustomerId(card),
                                                            .promotion = promotion.value_or(promotion_.id),
                                                            .transaction = TransactionId("T-1"),
                                                            .claimed_at = hub_.clock.wall});
    EXPECT_TRUE(answer && std::holds_alternative<sync::ClaimAnswer>(*answer));
    return std::get<sync::ClaimAnswer>(*answer);
  }
  void tell(const Uuid& claim, std::optional<Uuid> promotion = std::nullopt) {
    store_.history().add(sync::PromotionClaimed{.claim = claim,
                                                .customer = CustomerId(card),
                                                .promotion = promotion.value_or(promotion_.id),
                                                .transaction = TransactionId("T-1"),
                                                .claimed_at = hub_.clock.wall});
    store_.sync();
    EXPECT_EQ(dead_letters(), 0);
  }
  void claim_on_the_web(const UserId& user) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto claimed = hub::promotions::claim(t, hub::wallet::make_cause(hub_.uuids, hub_.clock.wall, ""),
                                            {.promotion = promotion_.id,
                                             .user = user,
                                             .claimed_at = hub_.clock.wall,
                                             .event = hub_.uuids.next()});
      if (!claimed) return failure(claimed);
      return {};
    });
  }
  std::int64_t in_wallet(const UserId& user) {
    std::int64_t minor = -1;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      minor = hub::wallet::balance_in(t, user, *find_currency("USD")).value().available.minor;
      EXPECT_TRUE(hub::ledger::verify(t).value().ok());
      return {};
    }));
    return minor;
  }
  std::vector<std::string> refusals() {
    std::vector<std::string> reasons;
    for (const auto& row :
         hub_.rows("SELECT reason FROM promotion_claim_refused ORDER BY received_at, claim_id"))
      reasons.push_back(row.text(0));
    return reasons;
  }

  FakeStore store_ = open_store("store-1");
  const Promotion promotion_{
      .id = hub_.uuids.next(),
      .title = "Twenty",
      .description = "",
      .type = hub::promotions::PromotionType::bonus,
      .amount = Money{2000, *find_currency("USD")},
      .term = {.is_active = true, .first = utc_day(hub_.clock.wall), .last = utc_day(hub_.clock.wall)}};
};

TEST_F(TillClaims, AreAnsweredWithWhatTheTillIsToShowAndAgainAlike) {
  const UserId owner = add_owner();
  assign(owner);
  const Uuid claim = hub_.uuids.next();
  const auto answer = ask(claim);
  EXPECT_EQ(answer.claim, claim);
  ASSERT_EQ(answer.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answer.credit->user, owner);
  EXPECT_EQ(answer.credit->amount, promotion_.amount);
  EXPECT_EQ(answer.credit->available.minor, 2000);
  EXPECT_EQ(answer.credit->held.minor, 0);
  EXPECT_EQ(answer.credit->claimed_at, hub_.clock.wall);
  EXPECT_EQ(answer.credit->created_at, hub_.clock.wall);
  EXPECT_EQ(answer.credit->description, "Claimed 'Twenty' promotion");
  EXPECT_EQ(answer.credit->transaction.str(),
            hub_.rows("SELECT transfer_id FROM promotion_assignment").at(0).text(0));
  hub_.clock.wall += seconds{3};
  auto again = ask(claim);
  EXPECT_EQ(again, answer) << "its answer was lost";
  tell(claim);
  EXPECT_EQ(refusals(), std::vector<std::string>{}) << "the same claim, told of because no answer came";
  EXPECT_EQ(in_wallet(owner), 2000);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  EXPECT_TRUE(hub_.rows("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'")
                  .at(0)
                  .text(0)
                  .contains(R"("channel":"till")"));
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::already_claimed);
  EXPECT_EQ(in_wallet(owner), 2000);
}

TEST_F(TillClaims, AreRefusedForWhatTheMemberMayNotHave) {
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned) << "the card is nobody's";
  const UserId owner = add_owner();
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned);
  EXPECT_EQ(ask(hub_.uuids.next(), hub_.uuids.next()).outcome, ClaimOutcome::not_assigned);
  assign(owner);
  hub_.execute("UPDATE users SET active = 0");
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_assigned) << "no member that is active";
  hub_.execute("UPDATE users SET active = 1");
  hub_.clock.wall += days{1};
  EXPECT_EQ(ask(hub_.uuids.next()).outcome, ClaimOutcome::not_active);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM wallet"), 0);
  EXPECT_EQ(refusals(), std::vector<std::string>{}) << "the till was told";
}

TEST_F(TillClaims, ThatAreToldOfLaterAreClaimedByTheirOwnDayAndOnce) {
  const UserId owner = add_owner();
  assign(owner);
  const Uuid claim = hub_.uuids.next();
  store_.history().add(sync::PromotionClaimed{.claim = claim,
                                              .customer = CustomerId(card),
                                              .promotion = promotion_.id,
                                              .transaction = TransactionId("T-1"),
                                              .claimed_at = hub_.clock.wall});
  hub_.clock.wall += days{3};
  store_.sync();
  tell(claim);
  EXPECT_EQ(in_wallet(owner), 2000);
  EXPECT_EQ(events("PROMOTION_CLAIMED"), 1);
  EXPECT_EQ(refusals(), std::vector<std::string>{});
}

TEST_F(TillClaims, ThatHaveLostTheRaceAreWrittenDownAsRefusedAndToldToTheMember) {
  const UserId owner = add_owner();
  assign(owner);
  claim_on_the_web(owner);
  const Uuid claim = hub_.uuids.next();
  tell(claim);
  tell(claim);
  EXPECT_EQ(refusals(), std::vector<std::string>{"already_claimed"});
  EXPECT_EQ(in_wallet(owner), 2000);
  const auto told = hub_.rows("SELECT data FROM event_outbox WHERE type = 'PROMOTION_CLAIM_REFUSED'");
  ASSERT_EQ(told.size(), 1u);
  for (const std::string& part :
       {R"("userId":")" + owner.str() + '"', std::string(R"("title":"Twenty")"),
        std::string(R"("reason":"already_claimed")"), std::string(R"("tillTransactionId":"T-1")")}) {
    EXPECT_TRUE(told.at(0).text(0).contains(part)) << part << " in " << told.at(0).text(0);
  }
  EXPECT_NE(hub::notifications::kind_of_event("PROMOTION_CLAIM_REFUSED"), nullptr);
}

TEST_F(TillClaims, OfNobodyOrNothingAreWrittenDownWithoutTellingAnybody) {
  tell(hub_.uuids.next());
  add_owner();
  tell(hub_.uuids.next(), hub_.uuids.next());
  EXPECT_EQ(refusals(), (std::vector<std::string>{"not_assigned", "not_assigned"}));
  EXPECT_EQ(events("PROMOTION_CLAIM_REFUSED"), 0);
}

}  // namespace
}  // namespace perkline::test
