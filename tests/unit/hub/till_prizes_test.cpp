#include <map>
#include <set>

#include <gtest/gtest.h>

#include "hub/identity/erasures.hpp"
#include "hub/identity/user_hooks.hpp"
#include "hub/ingest/erased.hpp"
#include "hub/points/purse.hpp"
#include "hub/wheel/hooks.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/spin.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

/// What is kept for tills' spins, and what becomes of it.
class TillPrizes : public Tills {};

TEST_F(TillPrizes, AOneTimePrizeIsKeptForOneSpinUntilItIsDrawnOrDropped) {
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

TEST_F(TillPrizes, AOneTimePrizeThatWasWonStaysWon) {
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

TEST_F(TillPrizes, WhatADrawDidNotWinIsToBeWonAgain) {
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

TEST_F(TillPrizes, ADrawThatCannotBeBookedKeepsNothingButWhatItsMemberWasGiven) {
  const std::string once = add_prize(std::nullopt, true, 1'000'000);
  const std::string other = add_prize(std::nullopt, true, 1);
  FakeStore store = open_store("store-1");
  store.look();
  store.sale(card);
  store.sync();
  auto sale = store.sale("CUST-00002");
  sale.customer = CustomerId(card);
  const Uuid spin = hub_.uuids.next();
  const auto drawn = store.draw(sale, spin, store.ask(spin, card)).value();
  ASSERT_EQ(drawn.prize, once) << "but for one time in a million; the seeds are fixed";
  store.history().add(drawn);
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  store.sync();
  ASSERT_EQ(dead_letters(), 1);
  EXPECT_EQ(store.ask(spin, card), std::vector<std::string>{}) << "the spin is over";
  const Uuid next = hub_.uuids.next();
  EXPECT_EQ(store.ask(next, card), std::vector{other});
  store.history().add(sync::SpinDropped{.spin = next, .customer = CustomerId(card)});
  store.sync();
  discard();
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector{other}) << "the till has given it to them";
  EXPECT_EQ(spins(), 0);
}

TEST_F(TillPrizes, ADiscardedDrawHasGivenItsUnitAway) {
  const std::string prize = add_prize(16);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_EQ(units(prize), "12/4/0");
  auto sale = store.sale("CUST-00002");
  sale.customer = CustomerId(card);
  store.history().add(store.draw(sale, hub_.uuids.next()).value());
  store.sync();
  ASSERT_EQ(dead_letters(), 1);
  EXPECT_EQ(units(prize), "12/4/0") << "it may yet be booked";
  discard();
  EXPECT_EQ(units(prize), "12/3/1");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
  store.history().add(
      sync::LeaseReturned{.lease = store.items(sync::ItemKind::prize_lease).begin()->first, .returned = 3});
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(units(prize), "15/0/1") << "nothing is at the store any more";
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(TillPrizes, WhatWasKeptForSpinsOfDataThatIsLostIsFreeOnceThatIsWrittenOff) {
  const std::string once = add_prize(std::nullopt, true);
  FakeStore store = open_store("store-1");
  store.look();
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector{once});
  store.begin_new_life();
  store.look();
  const Uuid under_way = hub_.uuids.next();
  EXPECT_EQ(store.ask(under_way, "CUST-00002"), std::vector{once});
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  const auto drop = [&](hub::wheel::LeaseLives lives) {
    std::int64_t count = -1;
    write([&](hub::db::Transaction& t) -> Result<void> {
      EXPECT_EQ(hub::wheel::count_earlier_spins(t, store.id()).value(), count == -1 ? 1 : 0);
      count = hub::wheel::drop_lost_spins(t, store.id(), lives, hub_.clock.wall).value();
      EXPECT_EQ(hub::wheel::count_earlier_spins(t, store.id()).value(), 0);
      return {};
    });
    return count;
  };
  EXPECT_EQ(drop(hub::wheel::LeaseLives::earlier), 1);
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector{once});
  EXPECT_EQ(store.ask(under_way, "CUST-00002"), std::vector{once}) << "the present life's stays";
}

TEST_F(TillPrizes, EndedSpinsAreForgottenAfterALongTime) {
  FakeStore store = open_store("store-1");
  for (int i = 0; i < 3; ++i)
    store.history().add(sync::SpinDropped{.spin = hub_.uuids.next(), .customer = CustomerId(card)});
  store.sync();
  const auto forget = [&] {
    std::int64_t count = -1;
    write([&](hub::db::Transaction& t) -> Result<void> {
      count = hub::wheel::forget_ended_spins(t, hub_.clock.wall - hub::wheel::ended_spins_kept, 2).value();
      return {};
    });
    return count;
  };
  hub_.clock.wall += days{39};
  EXPECT_EQ(forget(), 0);
  hub_.clock.wall += days{2};
  EXPECT_EQ(forget(), 2) << "in steps";
  EXPECT_EQ(forget(), 1);
  EXPECT_EQ(forget(), 0);
}

// The web, two stores that ask and one that is cut off: a member never has a one-time prize twice. Seeds 1
// to 5.
TEST_F(TillPrizes, AOneTimePrizeIsNeverGivenToAMemberTwiceWhereverTheySpin) {
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

}  // namespace
}  // namespace perkline::test
