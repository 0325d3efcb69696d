#include <map>
#include <set>

#include <gtest/gtest.h>

#include "hub/downlink/catalogue.hpp"
#include "hub/downlink/members.hpp"
#include "hub/identity/user.hpp"
#include "hub/jobs/catalogue_job.hpp"
#include "hub/promotions/assignments.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/wheel/prizes.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/unit/hub/open_seeds.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::test {
namespace {

using hub::promotions::Promotion;
using hub::promotions::PromotionType;
using sync::ItemKind;

/// What tills need of the programme, as it gets into the stores' catalogue and the members' snapshots.
class TillCatalogue : public TwoStores {
 protected:
  using Items = std::map<std::string, std::string>;  ///< By id.

  Items items(ItemKind kind, const StoreId& of = store) {
    Items found;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      const sync::Catalogue all = hub::downlink::read_catalogue(t, of).value();
      for (const auto& [name, body] : all) {
        if (name.kind == static_cast<std::uint32_t>(kind)) found.emplace(name.id, body);
      }
      return {};
    }));
    return found;
  }
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  hub::wheel::PrizeCause prize_cause() {
    return {.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"};
  }
  void change_prize(const std::string& id, const hub::wheel::PrizeChange& change) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto changed = hub::wheel::change_prize(t, prize_cause(), id, change);
      if (!changed) return failure(changed);
      return {};
    });
  }
  hub::promotions::Cause cause() {
    return {.at = hub_.clock.wall, .actor = "user:staff", .audit = hub_.uuids.next()};
  }
  std::chrono::sys_days today() { return utc_day(hub_.clock.wall); }
  Promotion promotion(int first = 0, int last = 0) {
    return {.id = hub_.uuids.next(),
            .title = "Twenty",
            .description = "For \"you\"",
            .type = PromotionType::bonus,
            .amount = Money{2000, *find_currency("USD")},
            .term = {.is_active = true, .first = today() + days{first}, .last = today() + days{last}}};
  }
  void create(const Promotion& made) {
    write([&](hub::db::Transaction& t) { return hub::promotions::create(t, cause(), made); });
  }
  void change(const Promotion& of, const hub::promotions::Change& change) {
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto changed = hub::promotions::change(t, cause(), of.id, change);
      if (!changed) return failure(changed);
      return {};
    });
  }
  std::int64_t refresh() {
    return run_task(hub_.world(), hub::jobs::refresh_catalogue(hub_.port(), hub_.clock.wall)).value();
  }
  void commit_seeds() {
    EXPECT_TRUE(run_task(hub_.world(), hub::wheel::commit_seeds(hub_.port(), {hub::wheel::the_hub, store},
                                                                hub_.clock.wall, hub_.rng)));
  }
  UserId add_owner() {
    hub::identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = added.user.id.str() + "@example.com";
    added.user.loyalty_id = customer;
    added.user.loyalty_verified = true;
    write([&](hub::db::Transaction& t) { return hub::identity::insert_user(t, added); });
    return added.user.id;
  }
  void assign(const Promotion& what, const UserId& user) {
    const hub::promotions::AssignOrder order{
        .promotion = what.id, .users = {user.str()}, .events = {hub_.uuids.next()}, .traceparent = {}};
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto assigned = hub::promotions::assign(t, cause(), order);
      if (!assigned) return failure(assigned);
      EXPECT_EQ(assigned->assigned, 1);
      return {};
    });
  }
  /// All that the store hears of the member from `from` on; nothing: nothing of them.
  std::optional<sync::MemberSnapshot> snapshot(std::uint64_t& from) {
    std::optional<sync::MemberSnapshot> last;
    write([](hub::db::Transaction& t) -> Result<void> {
      auto numbered = hub::downlink::number_changed(t, 512);
      if (!numbered) return failure(numbered);
      return {};
    });
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      const auto after = hub::downlink::members_after(t, store, from, hub_.clock.wall).value();
      from = after.to;
      for (const auto& each : after.members) {
        if (each.member == sync::member_hash(customer)) last = each;
      }
      return {};
    }));
    return last;
  }
};

TEST_F(TillCatalogue, HasActivePrizesAsTheyAre) {
  hub_.execute("UPDATE prize SET active = 0");
  const hub::wheel::Prize made{.id = hub_.uuids.next().str(),
                               .name = "A \"cap\"",
                               .type = hub::wheel::PrizeType::points,
                               .tickets = 25'000,
                               .points = 7,
                               .one_time = true,
                               .stock = 5};
  write([&](hub::db::Transaction& t) { return hub::wheel::add_prize(t, prize_cause(), made); });
  EXPECT_EQ(
      items(ItemKind::prize),
      (Items{{made.id, R"({"name":"A \"cap\"","type":"points","tickets":25000,"points":7,"oneTime":true,)"
                       R"("stocked":true})"}}));
  change_prize(made.id, {.type = hub::wheel::PrizeType::cash,
                         .points = std::optional<std::int64_t>{},
                         .one_time = false,
                         .stock = std::optional<std::int64_t>{}});
  EXPECT_EQ(items(ItemKind::prize, other_store).at(made.id),
            R"({"name":"A \"cap\"","type":"cash","tickets":25000,"oneTime":false,"stocked":false})");
  change_prize(made.id, {.active = false});
  EXPECT_EQ(items(ItemKind::prize), Items{});
  change_prize(made.id, {.active = true});
  EXPECT_EQ(items(ItemKind::prize).size(), 1u);
}

TEST_F(TillCatalogue, HasAStoresOwnSeedsUntilTheyAreRevealed) {
  commit_seeds();
  const Items mine = items(ItemKind::wheel_seed);
  ASSERT_EQ(mine.size(), 31u);
  EXPECT_EQ(items(ItemKind::wheel_seed, other_store), Items{});
  std::vector<hub::wheel::OpenSeed> seeds;
  std::set<std::string> keys;
  const auto key_of = [&](const hub::wheel::OpenSeed& seed) {
    std::string key;
    write([&](hub::db::Transaction& t) -> Result<void> {
      key = to_hex(hub::wheel::MemberKeys::load(t).value().of(seed.commitment));
      return {};
    });
    keys.insert(key);
    return key;
  };
  EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
    seeds = hub::wheel::open_seeds(t, store, today()).value();
    return {};
  }));
  for (const hub::wheel::OpenSeed& seed : seeds) {
    EXPECT_EQ(mine.at(hub::wheel::day_text(seed.day)), R"({"commitment":")" + seed.commitment +
                                                           R"(","seed":")" + to_hex(seed.seed.bytes) +
                                                           R"(","memberKey":")" + key_of(seed) + R"("})");
  }
  EXPECT_EQ(keys.size(), seeds.size()) << "each seed's own";
  hub_.clock.wall = WallTime{today() + days{2}} + hub::wheel::reveal_after;
  hub_.execute("UPDATE store SET all_told_at = $1", {hub_.clock.wall.time_since_epoch().count()});
  write([&](hub::db::Transaction& t) -> Result<void> {
    EXPECT_EQ(hub::wheel::reveal_seeds(t, hub_.clock.wall, 100).value(), 4)
        << "two days, the hub's and the store's";
    return {};
  });
  const Items left = items(ItemKind::wheel_seed);
  EXPECT_EQ(left.size(), 29u);
  EXPECT_FALSE(left.contains(hub::wheel::day_text(today() - days{1})));
  EXPECT_TRUE(left.contains(hub::wheel::day_text(today())));
}

TEST_F(TillCatalogue, HasRoomForSoManyPromotionsAndTellsTheFieldOfOneMore) {
  Promotion wordy = promotion();
  wordy.description = "x";
  for (int i = 0; i < 200; ++i) wordy.description += "\u00e9";
  create(wordy);
  const auto down = json::parse(items(ItemKind::promotion).at(wordy.id.str())).value();
  EXPECT_EQ(down.root().find("description")->text(), wordy.description.substr(0, 255)) << "no half character";
  write([&](hub::db::Transaction& t) -> Result<void> {
    for (std::int64_t i = 1; i < hub::promotions::active_promotions_max; ++i) {
      auto made = t.execute(
          "INSERT INTO promotion (id, title, description, type, amount, currency, first_day, last_day,"
          " is_active, created_at) SELECT $1, title, description, type, amount, currency, first_day, "
          "last_day,"
          " is_active, created_at FROM promotion WHERE id = $2",
          {hub_.uuids.next().str(), wordy.id.str()});
      if (!made) return failure(made);
    }
    return {};
  });
  Promotion more = promotion();
  const auto field_of = [&](const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    return done ? std::string() : done.error().faults.at(0).field;
  };
  EXPECT_EQ(field_of([&](hub::db::Transaction& t) { return hub::promotions::create(t, cause(), more); }),
            "isActive");
  more.term.is_active = false;
  create(more);
  EXPECT_EQ(field_of([&](hub::db::Transaction& t) -> Result<void> {
              auto on = hub::promotions::change(t, cause(), more.id, {.is_active = true});
              if (!on) return failure(on);
              return {};
            }),
            "isActive");
  change(wordy, {.title = "It may change still"});
}

TEST_F(TillCatalogue, HasPromotionsThatAreActiveAndNotOver) {
  const Promotion running = promotion(-1, 1);
  const Promotion later = promotion(5, 9);
  create(running);
  create(later);
  create(promotion(-5, -1));
  const Items now = items(ItemKind::promotion);
  EXPECT_EQ(now.size(), 2u);
  EXPECT_EQ(
      now.at(running.id.str()),
      R"({"title":"Twenty","description":"For \"you\"","type":"BONUS","amount":"20.00","currency":"USD",)"
      R"("startDate":")" +
          format_day(running.term.first) + R"(","endDate":")" + format_day(running.term.last) + R"("})");
  change(running, {.title = "Thirty", .amount = "30"});
  EXPECT_TRUE(items(ItemKind::promotion).at(running.id.str()).contains(R"("amount":"30.00")"));
  change(running, {.is_active = false});
  EXPECT_EQ(items(ItemKind::promotion).size(), 1u);
  change(running, {.is_active = true});
  hub_.clock.wall += days{2};
  EXPECT_EQ(refresh(), 1 + 3) << "what is over goes, and the prizes that the database began with come";
  EXPECT_EQ(items(ItemKind::promotion).size(), 1u);
  EXPECT_TRUE(items(ItemKind::promotion).contains(later.id.str()));
  hub_.clock.wall += days{8};
  refresh();
  EXPECT_EQ(items(ItemKind::promotion), Items{});
}

// As after an upgrade from a version that put none of it there.
TEST_F(TillCatalogue, IsFilledOnceWithWhatWasThereBefore) {
  commit_seeds();
  const Promotion running = promotion();
  create(running);
  const Items seeds = items(ItemKind::wheel_seed);
  const Items promotions = items(ItemKind::promotion);
  hub_.execute("DELETE FROM catalogue_item");
  EXPECT_EQ(refresh(), 3 + 31 + 1);
  EXPECT_EQ(items(ItemKind::prize).size(), 3u) << "that the database began with";
  EXPECT_EQ(items(ItemKind::wheel_seed), seeds);
  EXPECT_EQ(items(ItemKind::promotion), promotions);
  const auto version = hub_.number("SELECT value FROM down_counter WHERE name = 'catalogue'");
  EXPECT_EQ(refresh(), 0);
  EXPECT_EQ(hub_.number("SELECT value FROM down_counter WHERE name = 'catalogue'"), version);
  hub_.execute("UPDATE store SET retired_at = 1 WHERE id = 'store-1'");
  EXPECT_EQ(refresh(), 31) << "a retired store draws no more";
}

TEST_F(TillCatalogue, SnapshotsHaveWhatAMemberMayClaim) {
  tell(history_.sale(10));
  const UserId owner = add_owner();
  std::uint64_t from = 0;
  ASSERT_TRUE(snapshot(from));
  const Promotion first = promotion();
  const Promotion second = promotion();
  create(first);
  create(second);
  EXPECT_FALSE(snapshot(from)) << "nothing has changed for the member";
  assign(first, owner);
  EXPECT_EQ(snapshot(from)->promotions, std::vector{first.id});
  assign(second, owner);
  EXPECT_EQ(snapshot(from)->promotions, (std::vector{first.id, second.id}));
  write([&](hub::db::Transaction& t) -> Result<void> {
    auto claimed = hub::promotions::claim(
        t, hub::wallet::make_cause(hub_.uuids, hub_.clock.wall, ""),
        {.promotion = first.id, .user = owner, .claimed_at = hub_.clock.wall, .event = hub_.uuids.next()});
    if (!claimed) return failure(claimed);
    return {};
  });
  EXPECT_EQ(snapshot(from)->promotions, std::vector{second.id});
}

TEST_F(TillCatalogue, SnapshotsHaveRunningPromotionsBeforeOthersAndNoMoreThanFit) {
  tell(history_.sale(10));
  const UserId owner = add_owner();
  const Promotion running = promotion(0, 30);
  create(running);
  assign(running, owner);
  std::vector<Uuid> over;
  for (std::size_t i = 0; i < limits::sync_promotions_max; ++i) {
    const Promotion made = promotion();
    over.push_back(made.id);
    create(made);
    assign(made, owner);
  }
  hub_.clock.wall += days{1};
  std::uint64_t from = 0;
  const auto told = snapshot(from);
  ASSERT_TRUE(told);
  std::vector<Uuid> expected{running.id};
  expected.insert(expected.end(), over.begin() + 1, over.end());
  EXPECT_EQ(told->promotions, expected) << "the oldest of those that are over is left out";
}

}  // namespace
}  // namespace perkline::test
