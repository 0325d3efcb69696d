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

/// What tills draw, with and without the hub.
class TillSpins : public Tills {
 protected:
  void change(const std::string& prize, const hub::wheel::PrizeChange& change) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = hub::wheel::change_prize(t, prize_cause(), prize, change);
      if (!done) return failure(done);
      return {};
    });
  }
  /// Has a member forgotten here; what stands in their card's place.
  std::string erase(const UserId& member) {
    hub::identity::UserHooks hooks;
    hooks.erased.emplace_back(&hub::ingest::erase_card);
    hub::wheel::add_hooks(hooks, hub_.uuids, terms_);
    hub::identity::Erasures erasures({hub_.port(), hooks, hub_.clock, hub_.rng, hub_.uuids});
    EXPECT_TRUE(run_task(hub_.world(), erasures.erase(member, "user:" + member.str(), "")));
    return hub_.rows("SELECT member_token FROM erasure").at(0).text(0);
  }
};

// ---- draws

TEST_F(TillSpins, ADrawIsBookedOnceWithItsSaleAndGivesItsPointsToWhoHasTheCard) {
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

TEST_F(TillSpins, ADrawThatDoesNotVerifyIsADeadLetterAndHoldsNobodyUp) {
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

TEST_F(TillSpins, ADrawNeedsASaleOfThatMemberAtThatStore) {
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

TEST_F(TillSpins, ADrawIsForAPendingSaleTooButNotForOneThatWasRejectedBefore) {
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

TEST_F(TillSpins, ASaleHasOneSpin) {
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

TEST_F(TillSpins, ADrawThatWasRefusedCanBeTriedAgain) {
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

// The store was cut off while its member had themselves forgotten: the draw was made for the card, and is
// still to be made again.
TEST_F(TillSpins, ADrawOfSomebodyWhoIsForgottenMeanwhileIsBookedWithoutTheirCard) {
  add_prize(std::nullopt);
  const UserId owner = add_owner();
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_TRUE(store.sell_and_spin(card, false));
  hub_.clock.wall += seconds{5};
  const std::string token = erase(owner);
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE customer_id = $1 AND user_id IS NULL", {token}), 1);
}

TEST_F(TillSpins, ASaleThatWasOpenWhenItsMemberWasForgottenLeavesNothingUnderTheirCard) {
  const std::string once = add_prize(std::nullopt, true);
  const UserId owner = add_owner();
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  hub_.clock.wall += seconds{5};
  const std::string token = erase(owner);
  hub_.clock.wall += seconds{5};
  const Uuid spin = hub_.uuids.next();
  ASSERT_EQ(store.ask(spin, card), std::vector{once});
  store.history().add(store.draw(sale, spin, {once}).value());
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE customer_id = $1", {token}), 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM prize_one_time WHERE winner = $1", {"card:" + card}), 0);
  EXPECT_EQ(store.ask(hub_.uuids.next(), card), std::vector{once}) << "somebody new's to win";
}

// ---- prizes that staff changes while a store draws by what they were

TEST_F(TillSpins, WhatATillHasToldIsBookedAsItWasTold) {
  const hub::wheel::Prize rome{.id = hub_.uuids.next().str(),
                               .name = "Weekend in Rome",
                               .type = hub::wheel::PrizeType::points,
                               .tickets = 1,
                               .points = 5'000,
                               .stock = std::nullopt};
  write([&](hub::db::Transaction& t) { return hub::wheel::add_prize(t, prize_cause(), rome); });
  const UserId owner = add_owner();
  FakeStore store = open_store("store-1");
  store.look();
  change(rome.id, {.name = "Pencil", .tickets = 7, .points = 1, .active = false});
  change(rome.id, {.name = "Pen"});
  ASSERT_EQ(store.sell_and_spin(card, false), rome.id);
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  const auto booked = hub_.rows("SELECT prize_name, points FROM spin").at(0);
  EXPECT_EQ(booked.text(0), "Weekend in Rome");
  EXPECT_EQ(booked.integer(1), 5'000);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM event_outbox WHERE type = 'PRIZE_AWARDED' AND data LIKE"
                        " '%Weekend in Rome%'"),
            1);
}

TEST_F(TillSpins, WhatNoCatalogueEverSaidIsADeadLetterUntilThePrizeIsWhatItWas) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  auto drawn = store.draw(sale, hub_.uuids.next()).value();
  drawn.terms = sync::sha256("{}");
  store.history().add(drawn);
  const auto weighed = store.sale(card);
  auto heavy = store.draw(weighed, hub_.uuids.next()).value();
  heavy.slots.front().tickets = 2;
  store.history().add(heavy);
  store.sync();
  EXPECT_EQ(dead_letters(), 2);
  EXPECT_EQ(spins(), 0);
  EXPECT_TRUE(reason().contains("other tickets")) << reason();

  // The hub is restored to before the change that the store has drawn by.
  FakeStore other = open_store("store-2");
  change(prize, {.name = "Cup"});
  other.look();
  change(prize, {.name = "Mug"});
  hub_.execute("DELETE FROM catalogue_past");
  hub_.execute("DELETE FROM dead_letter");
  ASSERT_TRUE(other.sell_and_spin(card, false));
  other.sync();
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(retry(), "open");
  change(prize, {.name = "Cup"});
  EXPECT_EQ(retry(), "applied");
}

TEST_F(TillSpins, APrizeThatHadNoStockYetIsAUnitOfWhatIsFree) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  change(prize, {.stock = std::optional<std::int64_t>(1)});
  for (int i = 0; i < 2; ++i) ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(units(prize), "0/0/1");
  EXPECT_EQ(dead_letters(), 1) << "stock is never oversold";
  EXPECT_TRUE(reason().contains("raise its stock")) << reason();
  EXPECT_EQ(retry(), "open");
  change(prize, {.stock = std::optional<std::int64_t>(2)});
  EXPECT_EQ(retry(), "applied");
  EXPECT_EQ(spins(), 2);
  EXPECT_EQ(units(prize), "0/0/2");
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(TillSpins, APrizeThatIsStockedNoMoreIsBookedWithItsUnit) {
  const std::string prize = add_prize(10);
  FakeStore store = open_store("store-1");
  store.look();
  change(prize, {.stock = std::optional<std::optional<std::int64_t>>(std::in_place, std::nullopt)});
  ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(spins(), 1);
  hub_.execute("DELETE FROM prize_lease");
  ASSERT_EQ(store.sell_and_spin(card, false), prize) << "of a lease that a restored hub has forgotten";
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(TillSpins, APrizeThatWasNotOneTimeYetIsBookedHoweverOftenItWasWonAndThenCounts) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  FakeStore aware = open_store("store-2");
  store.look();
  change(prize, {.one_time = true});
  for (int i = 0; i < 2; ++i) ASSERT_EQ(store.sell_and_spin(card, false), prize);
  aware.look();
  aware.sale(card);
  aware.sync();
  store.sync();
  EXPECT_EQ(dead_letters(), 0) << "the tills have told so";
  EXPECT_EQ(spins(), 2);
  EXPECT_EQ(aware.ask(hub_.uuids.next(), card), std::vector<std::string>{});
  EXPECT_EQ(aware.ask(hub_.uuids.next(), "CUST-00002"), std::vector{prize});
}

TEST_F(TillSpins, AnOlderStoresDrawIsBookedByWhatThePrizeIsNow) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  auto drawn = store.draw(sale, hub_.uuids.next()).value();
  drawn.terms = std::nullopt;
  store.history().add(drawn);
  change(prize, {.name = "Cup"});
  store.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(hub_.rows("SELECT prize_name FROM spin").at(0).text(0), "Cup");
}

TEST_F(TillSpins, AnOlderStoresDrawIsHeldAgainstTheTicketsThatThePrizeHasOrHad) {
  const std::string prize = add_prize(std::nullopt, false, 5);
  FakeStore store = open_store("store-1");
  store.look();
  const auto draw = [&] {
    auto drawn = store.draw(store.sale(card), hub_.uuids.next()).value();
    drawn.terms = std::nullopt;
    return drawn;
  };
  store.history().add(draw());
  change(prize, {.tickets = 7});
  store.sync();
  EXPECT_EQ(spins(), 1) << "it had not heard of the change";
  store.history().add(draw());
  hub_.execute("DELETE FROM catalogue_past");
  store.sync();
  EXPECT_EQ(spins(), 1);
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(reason(), "the prize was drawn with other tickets than it had");
  store.look();
  store.history().add(draw());
  store.sync();
  EXPECT_EQ(spins(), 2);
}

}  // namespace
}  // namespace perkline::test
