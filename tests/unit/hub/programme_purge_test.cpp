#include "hub/downlink/purge.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/promotions/till_claim.hpp"
#include "hub/wheel/proof.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

using sync::ItemKind;

/// What the job purge-programme forgets, and what it must not.
class ProgrammePurge : public Tills {
 protected:
  /// How many rows it has forgotten.
  std::int64_t purge() {
    EXPECT_TRUE(guard_.look(hub_.clock.wall));
    const auto done = run_task(hub_.world(), hub::jobs::find_job("purge-programme")->run(parts_, "test"));
    EXPECT_TRUE(done) << done.error().detail;
    return done.value_or(-1);
  }
  void put(const std::string& id, const std::optional<std::string>& body) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = hub::downlink::put_item(t, "", {1, id}, body);
      if (!done) return failure(done);
      return {};
    });
  }
  void rename(const std::string& prize, const std::string& name) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto changed = hub::wheel::change_prize(t, prize_cause(), prize, {.name = name});
      if (!changed) return failure(changed);
      return {};
    });
  }
  std::int64_t count(const std::string& table) { return hub_.number("SELECT COUNT(*) FROM " + table); }
  std::int64_t version() { return hub_.number("SELECT value FROM down_counter WHERE name = 'catalogue'"); }
  std::int64_t forgotten() {
    return hub_.number("SELECT value FROM down_counter WHERE name = 'catalogue_forgotten'");
  }
  /// Each store is known to have told all it holds.
  void hear(std::initializer_list<FakeStore*> stores) {
    for (FakeStore* store : stores) ASSERT_TRUE(store->answer_of(store->hello(hub_.uuids.next())));
  }

  hub::clock::ClockGuard guard_{hub_.clock};
  hub::jobs::Parts parts_{.database = hub_.port(),
                          .clock = hub_.clock,
                          .uuids = hub_.uuids,
                          .rng = hub_.rng,
                          .guard = guard_,
                          .access_ttl = seconds{600}};
};

TEST_F(ProgrammePurge, ItemsThatHaveGoneAreForgottenAfterAMonth) {
  put("a", "stays");
  for (int i = 0; i < 700; ++i) put("gone " + std::to_string(i), "once");
  for (int i = 0; i < 700; ++i) put("gone " + std::to_string(i), std::nullopt);
  const auto gone_at = version();
  put("b", "stays");
  EXPECT_EQ(purge(), 0) << "it knows of it from now on";
  hub_.clock.wall += hub::downlink::keep_gone_items;
  EXPECT_EQ(purge(), 0);
  EXPECT_EQ(forgotten(), 0);
  hub_.clock.wall += Millis{1};
  EXPECT_EQ(purge(), 700);
  EXPECT_EQ(count("catalogue_item WHERE kind = 1"), 2);
  EXPECT_EQ(forgotten(), gone_at);
  EXPECT_LT(forgotten(), version());
}

TEST_F(ProgrammePurge, AnItemThatHasComeBackIsKeptAndGoesAMonthAfterItWentAgain) {
  put("a", "there");
  put("a", std::nullopt);
  EXPECT_EQ(purge(), 0);
  put("a", "back");
  hub_.clock.wall += days{31};
  EXPECT_EQ(purge(), 0);
  EXPECT_EQ(count("catalogue_item WHERE item_id = 'a' AND body = 'back'"), 1);
  put("a", std::nullopt);
  EXPECT_EQ(purge(), 0);
  hub_.clock.wall += days{31};
  EXPECT_EQ(purge(), 1);
}

TEST_F(ProgrammePurge, WhatAPrizeOnceSaidIsKnownUntilEveryStoreHasTold) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore away = open_store("store-1");
  FakeStore there = open_store("store-2");
  open_store("store-3");  // Never spoke.
  FakeStore lost = open_store("store-4");
  for (FakeStore* store : {&away, &there, &lost}) store->look();
  rename(prize, "Cup");
  EXPECT_EQ(purge(), 0);
  hub_.clock.wall += days{20};
  ASSERT_EQ(away.sell_and_spin(card, false), prize) << "it has not heard of the change";
  write([&](hub::db::Transaction& t) { return hub::stores::retire(t, lost.id(), hub_.clock.wall); });
  hub_.clock.wall += days{200};
  hear({&there});
  EXPECT_EQ(purge(), 0) << "one has yet to tell";
  EXPECT_EQ(count("catalogue_past"), 1);
  away.sync();
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(hub_.rows("SELECT prize_name FROM spin").at(0).text(0), "Mug") << "as its till told";
  hear({&away});
  EXPECT_EQ(purge(), 1);
  EXPECT_EQ(count("catalogue_past"), 0);
}

TEST_F(ProgrammePurge, WhatAPrizeOnceSaidIsKnownWhileASpinWaitsForAPerson) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  store.look();
  const auto sale = store.sale(card);
  auto drawn = store.draw(sale, hub_.uuids.next()).value();
  drawn.slots.front().tickets = 2;
  store.history().add(drawn);
  store.sync();
  ASSERT_EQ(dead_letters(), 1);
  rename(prize, "Cup");
  EXPECT_EQ(purge(), 0);
  hub_.clock.wall += days{200};
  hear({&store});
  EXPECT_EQ(purge(), 0);
  discard();
  EXPECT_EQ(purge(), 1);
}

TEST_F(ProgrammePurge, WhatAPrizeSaysOnceMoreIsPastAnewWhenItIsChangedAgain) {
  const std::string prize = add_prize(std::nullopt);
  FakeStore store = open_store("store-1");
  rename(prize, "Cup");
  EXPECT_EQ(purge(), 0);
  rename(prize, "Mug");
  hub_.clock.wall += days{80};
  store.look();
  EXPECT_EQ(purge(), 0);
  rename(prize, "Cup");
  hub_.clock.wall += days{20};
  hear({&store});
  EXPECT_EQ(purge(), 0) << "it said so 20 days ago, and says the other now";
  EXPECT_EQ(count("catalogue_past"), 2);
  hub_.clock.wall += days{100};
  hear({&store});
  EXPECT_EQ(purge(), 2);
}

TEST_F(ProgrammePurge, LeasesThatNothingIsLeftOfAreForgottenOnceTheirStoreHasTold) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  FakeStore lost = open_store("store-2");
  const auto give_back = [&](FakeStore& of) {
    of.history().add(sync::LeaseReturned{.lease = of.items(ItemKind::prize_lease).begin()->first,
                                         .returned = static_cast<std::uint32_t>(of.units_held())});
    of.sync();
    hub_.clock.wall += hours{2};
    of.look();
  };
  store.look();
  ASSERT_EQ(store.sell_and_spin(card, false), prize);
  store.sync();
  give_back(store);
  lost.look();
  write_off(lost.id());
  hub_.clock.wall += hours{2};
  lost.look();
  const std::string before = units(prize);
  const auto settled = [this] { return count("prize_lease WHERE awarded + returned = units"); };
  ASSERT_EQ(settled(), 2);
  (void)purge();
  hub_.clock.wall += days{91};
  (void)purge();
  EXPECT_EQ(settled(), 2) << "their stores may yet tell of them";
  hear({&store});
  (void)purge();
  EXPECT_EQ(settled(), 1);
  write([&](hub::db::Transaction& t) { return hub::stores::retire(t, lost.id(), hub_.clock.wall); });
  (void)purge();
  EXPECT_EQ(settled(), 0) << "it tells of nothing any more";
  EXPECT_EQ(units(prize), before);
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

TEST_F(ProgrammePurge, TheLastLeaseOfAPrizeStaysAsItSaysWhoseTurnIsNext) {
  add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  write_off(store.id());
  EXPECT_EQ(purge(), 0);
  hub_.clock.wall += days{91};
  hear({&store});
  (void)purge();
  EXPECT_EQ(count("prize_lease"), 1);
}

TEST_F(ProgrammePurge, RefusedClaimsAreKnownForAsLongAsWhatTellsOfThem) {
  open_store("store-1");
  hub_.execute(
      "INSERT INTO promotion_claim_refused (claim_id, store_id, transaction_id, promotion_id, user_id, "
      "reason,"
      " claimed_at, received_at) VALUES ('c', 'store-1', 'T-1', 'p', NULL, 'not_assigned', 0, $1)",
      {hub_.clock.wall.time_since_epoch().count()});
  hub_.clock.wall += hub::promotions::keep_refused_claims;
  EXPECT_EQ(purge(), 0);
  hub_.clock.wall += Millis{1};
  EXPECT_EQ(purge(), 1);
}

TEST_F(ProgrammePurge, AProofHoldsForAsLongAsItsSpinIsShown) {
  add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  ASSERT_TRUE(store.sell_and_spin(card, false));
  store.sync();
  const std::string spin = hub_.rows("SELECT id FROM spin").at(0).text(0);
  for (int year = 0; year < 3; ++year) {
    hub_.clock.wall += days{365};
    hear({&store});
    (void)purge();
  }
  EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
    const auto proof = hub::wheel::find_proof(t, parse_uuid(spin).value()).value();
    EXPECT_TRUE(proof);
    if (proof) EXPECT_EQ(proof->table.slots.size(), 1u);
    return {};
  }));
  EXPECT_EQ(stock_faults(), std::vector<std::string>{});
}

}  // namespace
}  // namespace perkline::test
