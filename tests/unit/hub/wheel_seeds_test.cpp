#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "hub/clock/vouched_time.hpp"
#include "hub/identity/user.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/stores/progress.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/hooks.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/spin.hpp"
#include "hub/wheel/store_spin.hpp"
#include "tests/unit/hub/live_hub.hpp"
#include "tests/unit/hub/open_seeds.hpp"

namespace perkline::hub::wheel {
namespace {

/// Seeds in a database, by a clock that the test moves.
class WheelSeeds : public testing::Test {
 protected:
  WheelSeeds() { keep(); }

  std::int64_t keep() {
    // Wherever a test has put the clock is the time.
    EXPECT_TRUE(guard_.look(hub_.clock.wall));
    return keep_by_guard();
  }
  std::int64_t keep_by_guard() {
    const auto done = test::run_task(hub_.world(), jobs::find_job("wheel-seeds")
                                                       ->run({.database = hub_.port(),
                                                              .clock = hub_.clock,
                                                              .uuids = hub_.uuids,
                                                              .rng = hub_.rng,
                                                              .guard = guard_,
                                                              .access_ttl = seconds{600}},
                                                             "test"));
    EXPECT_TRUE(done) << done.error().detail;
    return done.value_or(-1);
  }
  Day today() const { return day_of(hub_.clock.wall); }
  std::vector<SeedNotice> notices(const StoreId& store = the_hub) {
    std::vector<SeedNotice> found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      found = list_seeds(t, store, 1'000, std::nullopt).value();
      return {};
    }));
    return found;
  }
  SeedNotice notice_of(Day day) {
    for (const SeedNotice& notice : notices()) {
      if (notice.day == day) return notice;
    }
    ADD_FAILURE() << "no seed for " << day_text(day);
    return {};
  }
  std::int64_t revealed() { return hub_.number("SELECT COUNT(*) FROM wheel_seed WHERE seed IS NOT NULL"); }

  UserId add_member(std::optional<CustomerId> card = std::nullopt) {
    identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = added.user.id.str() + "@example.com";
    added.user.loyalty_id = std::move(card);
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return identity::insert_user(t, added); }));
    return added.user.id;
  }
  Result<Spun> spin_now(const UserId& user) {
    const SpinCause cause = make_cause(hub_.uuids, hub_.clock.wall, "");
    Terms terms;
    terms.cost = 0;
    Result<Spun> spun = fail(Errc::internal, "never ran");
    static_cast<void>(hub_.write([&](db::Transaction& t) -> Result<void> {
      spun = spin(t, terms, cause, user, "");
      if (!spun) return std::unexpected(spun.error());
      return {};
    }));
    return spun;
  }

  test::HubDatabase hub_;
  clock::ClockGuard guard_{hub_.clock};
};

TEST_F(WheelSeeds, AreCommittedForTodayAndThirtyDaysAheadOnce) {
  const auto made = notices();
  ASSERT_EQ(made.size(), 31u);
  EXPECT_EQ(made.back().day, today());
  EXPECT_EQ(made.front().day, today() + days{30});
  EXPECT_EQ(keep(), 0) << "nothing is missing";
  hub_.clock.advance(days{1} + hours{1});
  EXPECT_EQ(keep(), 2) << "one made, one revealed";
  EXPECT_EQ(notices().size(), 32u);
  std::set<std::string> commitments;
  for (const SeedNotice& notice : notices()) commitments.insert(notice.commitment);
  EXPECT_EQ(commitments.size(), 32u);
}

TEST_F(WheelSeeds, AreRevealedWhenTheirDayIsOverAndNotBefore) {
  const Day first = today();
  hub_.clock.advance(days{1} + reveal_after - Millis{1});  // The tests' clock begins at midnight.
  keep();
  EXPECT_EQ(revealed(), 0);
  hub_.clock.advance(Millis{1});
  keep();
  EXPECT_EQ(revealed(), 1);
  const SeedNotice over = notice_of(first);
  ASSERT_TRUE(over.seed);
  loyalty::ServerSeed seed;
  std::ranges::copy(from_hex(*over.seed).value(), seed.bytes.begin());
  EXPECT_EQ(to_hex(loyalty::commitment_of(seed)), over.commitment);
  EXPECT_EQ(over.revealed_at, hub_.clock.wall);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM wheel_secret"), 31);
}

TEST_F(WheelSeeds, AreNotRevealedByAClockInDoubt) {
  ASSERT_EQ(revealed(), 0);
  hub_.clock.wall += days{400};
  EXPECT_GT(keep_by_guard(), 0) << "what is drawn with is there by any clock";
  EXPECT_EQ(revealed(), 0) << "but none is shown";
  hub_.clock.wall -= days{400};
  keep_by_guard();
  EXPECT_EQ(revealed(), 0);
  hub_.clock.advance(days{2} + hours{1});
  keep_by_guard();
  EXPECT_EQ(revealed(), 2) << "it is right again, and two days have passed";
}

TEST_F(WheelSeeds, AreNotRevealedByAClockThatGoesBack) {
  hub_.clock.advance(days{2});
  keep();
  ASSERT_EQ(revealed(), 1) << "the second day was over just now";
  hub_.clock.advance(-days{40});
  keep();
  EXPECT_EQ(revealed(), 1);
}

TEST_F(WheelSeeds, ThatAreRevealedDrawNoMore) {
  const UserId ann = add_member();
  const Day first = today();
  EXPECT_EQ(spin_now(ann).value().proof.day, first);
  hub_.clock.advance(days{3});
  keep();
  ASSERT_EQ(revealed(), 2);
  // This replica's clock lags behind the one that revealed them.
  hub_.clock.advance(-days{3});
  const auto late = spin_now(ann);
  ASSERT_TRUE(late) << late.error().detail;
  EXPECT_EQ(late->proof.day, first + days{2}) << "the first that nobody knows";
  EXPECT_EQ(late->proof.draw.nonce, 1);
  EXPECT_EQ(notice_of(late->proof.day).seed, std::nullopt);
}

TEST_F(WheelSeeds, ThatAreClosedDrawNoMoreAndAreRevealedAsEver) {
  const UserId ann = add_member();
  const Day first = today();
  ASSERT_EQ(spin_now(ann).value().proof.day, first);
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return close_seeds(t, first); }));
  EXPECT_EQ(spin_now(ann).value().proof.day, first + days{1});
  hub_.clock.advance(days{1} + hours{1});
  keep();
  EXPECT_TRUE(notice_of(first).seed);
  EXPECT_EQ(spin_now(ann).value().proof.draw.nonce, 2) << "of the seed that has become today's";
}

TEST_F(WheelSeeds, ThatAreNotThereMakeADrawWait) {
  const UserId ann = add_member();
  hub_.clock.advance(days{31});
  const auto refused = spin_now(ann);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::overloaded);
  EXPECT_TRUE(refused.error().retry_after);
  keep();
  EXPECT_TRUE(spin_now(ann));
}

TEST_F(WheelSeeds, CannotBeRevealedUnderADraw) {
  // What a draw stands on until it has committed.
  const auto under_way = [](db::Transaction& t, Day day) -> Result<void> {
    const auto seed = seed_for_draw(t, day);
    if (!seed) return std::unexpected(seed.error());
    auto gone = t.execute("DELETE FROM wheel_secret WHERE seed_id = $1", {seed->id});
    EXPECT_TRUE(gone);
    const auto nonce = next_nonce(t, *seed, "somebody");
    if (!nonce) return std::unexpected(nonce.error());
    return {};
  };
  const auto refused = hub_.write([&](db::Transaction& t) { return under_way(t, today()); });
  ASSERT_FALSE(refused) << "who has read the seed before it was revealed may not draw with it";
  EXPECT_EQ(refused.error().code, Errc::overloaded);
}

TEST_F(WheelSeeds, CountEachMembersDrawsFromOne) {
  const UserId ann = add_member();
  const UserId bob = add_member();
  EXPECT_EQ(spin_now(ann).value().proof.draw.nonce, 1);
  EXPECT_EQ(spin_now(ann).value().proof.draw.nonce, 2);
  EXPECT_EQ(spin_now(bob).value().proof.draw.nonce, 1);
  hub_.clock.advance(days{1});
  EXPECT_EQ(spin_now(ann).value().proof.draw.nonce, 1);
}

TEST_F(WheelSeeds, OfAStoreAreRevealedOnceItHasToldWhatItDrewOrAfterAMonth) {
  const StoreId store("store-1");
  EXPECT_TRUE(hub_.write(
      [&](db::Transaction& t) { return stores::add(t, store, std::string(64, 'a'), hub_.clock.wall); }));
  keep();
  const WallTime begin = hub_.clock.wall;  // At midnight.
  const auto shown = [&] {
    keep();
    return hub_.number("SELECT COUNT(*) FROM wheel_seed WHERE seed IS NOT NULL AND store_id = 'store-1'");
  };
  const auto tell = [&](std::uint64_t tail) {
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto noted =
          stores::note_status(t, store, {.tail = tail, .breaker = "closed", .version = "1"}, hub_.clock.wall);
      if (!noted) return std::unexpected(noted.error());
      return {};
    }));
  };
  hub_.execute("UPDATE store SET hello_epoch = epoch");
  hub_.clock.advance(days{1} + hours{1});
  EXPECT_EQ(revealed(), 0);
  EXPECT_EQ(shown(), 0) << "it may be drawing with it, far from any line";
  EXPECT_EQ(revealed(), 1) << "the hub's own is";
  tell(5);
  EXPECT_EQ(shown(), 0) << "five of its events are not here";
  hub_.execute("UPDATE store SET cursor_sequence = 5");
  tell(5);
  EXPECT_EQ(shown(), 1);
  hub_.clock.advance(days{1});
  EXPECT_EQ(shown(), 1) << "of the next day it has told nothing";
  hub_.execute("UPDATE store SET all_told_at = $1", {(begin + days{400}).time_since_epoch().count()});
  EXPECT_EQ(shown(), 1) << "what a clock that was ahead wrote";
  hub_.clock.advance(reveal_untold_after);
  EXPECT_EQ(shown(), 2) << "lost, or off for good";
}

/// A hub from its start on, by a clock of its own: what it prepares, and its timetable.
class ServingHub {
 public:
  ServingHub(test::HubDatabase& hub, test::VirtualTime& time)
      : world_(std::make_unique<test::SimWorld>(time)),
        uuids_(world_->clock(), hub.rng),
        guard_(world_->clock()),
        parts_{.database = hub.port(),
               .clock = world_->clock(),
               .uuids = uuids_,
               .rng = hub.rng,
               .guard = guard_,
               .access_ttl = seconds{600}} {
    EXPECT_TRUE(test::run_task(*world_, hub::clock::look(hub.port(), guard_)));
    EXPECT_TRUE(test::run_task(*world_, keep_seeds(hub.port(), world_->clock(), guard_, hub.rng)));
    world_->spawn(hub::clock::watch(hub.port(), world_->clock(), guard_, [](bool) {}));
    world_->spawn(jobs::run_regularly(parts_, world_->clock(), {}));
    pass(seconds{1});
  }
  ~ServingHub() { world_.reset(); }
  void pass(Millis time) {
    const MonoTime until = world_->clock().mono_now() + time;
    world_->run_until([&] { return world_->clock().mono_now() >= until; }, time + minutes{1});
  }

 private:
  std::unique_ptr<test::SimWorld> world_;
  UuidMaker uuids_;
  hub::clock::ClockGuard guard_;
  jobs::Parts parts_;
};

TEST_F(WheelSeeds, OfAStoreAreShownSoonAfterItsWordAlsoByAHubThatStartsOnALaterDay) {
  const StoreId store("store-1");
  test::VirtualTime time;
  EXPECT_TRUE(
      hub_.write([&](db::Transaction& t) { return stores::add(t, store, std::string(64, 'a'), time.wall); }));
  hub_.execute("UPDATE store SET hello_epoch = epoch");
  const auto shown = [&](const StoreId& whose) {
    return hub_.number("SELECT COUNT(*) FROM wheel_seed WHERE seed IS NOT NULL AND store_id = $1",
                       {whose.str()});
  };
  const auto tell = [&] {
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      auto noted = stores::note_status(t, store, {.tail = 0, .breaker = "CLOSED", .version = "1"}, time.wall);
      if (!noted) return failure(noted);
      return {};
    }));
  };
  const auto is_off = [&](Millis how_long) {
    time.mono += how_long;
    time.wall += how_long;
  };
  ServingHub(hub_, time).pass(hours{2});
  is_off(hours{23});
  {
    ServingHub hub(hub_, time);
    EXPECT_EQ(shown(the_hub), 1) << "before it serves";
    tell();
    EXPECT_EQ(shown(store), 0);
    hub.pass(minutes{12});
    EXPECT_EQ(shown(store), 1);
  }
  is_off(hours{25});
  ServingHub hub(hub_, time);
  tell();
  hub.pass(minutes{12});
  EXPECT_EQ(shown(the_hub), 1) << "nothing by a clock in doubt";
  EXPECT_EQ(shown(store), 1);
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return hub::clock::vouch_for(t, time.wall); }));
  hub.pass(minutes{12});
  EXPECT_EQ(shown(the_hub), 2);
  EXPECT_EQ(shown(store), 2);
}

TEST_F(WheelSeeds, AreEveryStoresOwn) {
  const StoreId store("store-1");
  EXPECT_TRUE(hub_.write(
      [&](db::Transaction& t) { return stores::add(t, store, std::string(64, 'a'), hub_.clock.wall); }));
  EXPECT_EQ(keep(), 31);
  EXPECT_EQ(notices(store).size(), 31u);
  EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
    const auto open = open_seeds(t, store, today() + days{1});
    EXPECT_EQ(open.value().size(), 30u);
    EXPECT_EQ(open->front().commitment, to_hex(loyalty::commitment_of(open->front().seed)));
    return {};
  }));
  hub_.execute("UPDATE store SET retired_at = 1");
  hub_.clock.advance(days{1} + hours{1});
  EXPECT_EQ(keep(), 1 + 2) << "the hub's next, and both of yesterday's";
}

/// Of a store that draws with its own seeds.
class StoreDraws : public WheelSeeds {
 protected:
  StoreDraws() {
    EXPECT_TRUE(hub_.write(
        [&](db::Transaction& t) { return stores::add(t, store_, std::string(64, 'a'), hub_.clock.wall); }));
    keep();
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      seed_ = open_seeds(t, store_, today()).value().front();
      return {};
    }));
    told_.prize = loyalty::draw_prize(seed_.seed, told_.draw, table_);
    told_.commitment = seed_.commitment;
  }
  Result<void> verify(const StoreDraw& told) {
    return hub_.read([&](db::Transaction& t) { return verify_store_spin(t, told); });
  }

  const StoreId store_{"store-1"};
  OpenSeed seed_;
  const loyalty::PrizeTable table_ =
      loyalty::read_table("prize-a 10000\nprize-b 20000\nprize-c 30000\n").value();
  StoreDraw told_{.store = store_,
                  .draw = {.member = "c0ffee", .client_seed = "lucky", .nonce = 3},
                  .commitment = {},
                  .table = table_,
                  .version = to_hex(loyalty::version_of(table_)),
                  .prize = {}};
};

TEST_F(StoreDraws, AreMadeAgainBeforeAndAfterTheirSeedIsRevealed) {
  EXPECT_TRUE(verify(told_));
  hub_.clock.advance(days{2});
  keep();
  EXPECT_TRUE(verify(told_));
}

TEST_F(StoreDraws, ThatDoNotAgreeAreRefused) {
  const auto refused = [&](auto change) {
    StoreDraw wrong = told_;
    change(wrong);
    const auto done = verify(wrong);
    return !done && done.error().code == Errc::validation_failed;
  };
  EXPECT_TRUE(
      refused([&](StoreDraw& wrong) { wrong.prize = told_.prize == "prize-a" ? "prize-b" : "prize-a"; }));
  EXPECT_TRUE(refused([](StoreDraw& wrong) { wrong.store = StoreId("store-2"); }));
  EXPECT_TRUE(refused([](StoreDraw& wrong) { wrong.commitment = std::string(64, '0'); }));
  EXPECT_TRUE(refused([](StoreDraw& wrong) { wrong.commitment = "not hex"; }));
  EXPECT_TRUE(refused([](StoreDraw& wrong) { wrong.version = std::string(64, '0'); }));
  EXPECT_TRUE(refused([](StoreDraw& wrong) { wrong.version = ""; }));
  EXPECT_TRUE(refused([&](StoreDraw& wrong) { wrong.commitment = notice_of(today()).commitment; }))
      << "the hub's own seed is none of a store's";
}

TEST(WheelSeedsAtOnce, AreMadeOnceByManyReplicasAndRevealedBesideDraws) {
  test::LiveHub hub;
  SystemRng rng;
  const WallTime now = hub.clock().wall_now();
  const auto make = [&] { return commit_seeds(hub.port(), {the_hub}, now, rng); };
  ASSERT_TRUE(hub.reactor().await(make()));
  EXPECT_EQ(hub.reactor().await(make()).value(), 0);
  EXPECT_EQ(hub.number("SELECT COUNT(*) FROM wheel_secret"), 31);
  // Draws of many members, while the day's seed is being revealed by a clock ahead.
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < 40; ++i) {
    const std::string member = "m" + std::to_string(i);
    if (i == 20) {
      works.emplace_back([now](db::Transaction& t) -> Result<void> {
        const auto done = reveal_seeds(t, day_of(now) + days{1} + hours{1}, 10);
        if (!done) return std::unexpected(done.error());
        return {};
      });
    }
    works.emplace_back([member, now](db::Transaction& t) -> Result<void> {
      const auto seed = seed_for_draw(t, day_of(now));
      if (!seed) return std::unexpected(seed.error());
      const auto nonce = next_nonce(t, *seed, member);
      if (!nonce) return std::unexpected(nonce.error());
      auto noted =
          t.execute("INSERT INTO hub_meta (name, value) VALUES ($1, $2)", {member, seed->commitment});
      if (!noted) return failure(noted);
      return {};
    });
  }
  for (const auto& result : hub.write_all(std::move(works)))
    EXPECT_TRUE(result || result.error().code == Errc::overloaded) << result.error().detail;
  EXPECT_EQ(hub.number("SELECT COUNT(*) FROM wheel_seed WHERE seed IS NOT NULL"), 1);
  // Whoever drew with today's seed had committed before it was revealed; its counters have gone with it.
  EXPECT_EQ(hub.number("SELECT COUNT(*) FROM wheel_nonce WHERE seed_id IN (SELECT id FROM wheel_seed WHERE"
                       " seed IS NOT NULL)"),
            0);
}

}  // namespace
}  // namespace perkline::hub::wheel
