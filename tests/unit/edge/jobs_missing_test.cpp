#include <set>

#include "edge/jobs/missing_sales.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::jobs {
namespace {

/// The hub was restored to before events that this store does not keep any more.
class MissingAtHub : public JobsTest {
 protected:
  void SetUp() override {
    ask_hub = [this](std::vector<SessionId> ids, MonoTime) { return answer(std::move(ids)); };
    JobsTest::SetUp();
  }
  Task<std::optional<sync::SaleAnswer>> answer(std::vector<SessionId> ids) {
    ++asked;
    if (!answers) co_return std::nullopt;
    sync::SaleAnswer told;
    for (SessionId& id : ids) {
      if (known.contains(id)) {
        told.known.push_back({.session = std::move(id)});
      } else {
        told.unknown.push_back(std::move(id));
      }
    }
    co_return told;
  }
  Task<bool> catching_up() {
    co_await life->outbox->set_acked(life->outbox->tail());
    co_return true;
  }
  Task<bool> losing() {
    co_await life->outbox->note_lost();
    co_return true;
  }
  void caught_up() { life->run(catching_up()); }
  /// The hub acknowledges whatever comes.
  void keep_caught_up() {
    struct Run {
      static Task<void> forever(Life& life) {
        while (true) {
          co_await life.outbox->set_acked(life.outbox->tail());
          co_await life.world->clock().sleep(Millis{1});
        }
      }
    };
    life->world->spawn(Run::forever(*life));
  }
  void lose_history() {
    caught_up();
    life->run(losing());
  }
  /// The sessions that were named, in the history's order.
  std::vector<SessionId> named() {
    std::vector<SessionId> ids;
    for (const sync::Event& event : life->events()) {
      const auto* difference = std::get_if<sync::ReconcileDifference>(&event.payload);
      if (difference != nullptr && difference->pdi == MissingSales::word) ids.push_back(difference->session);
    }
    return ids;
  }
  std::int64_t reconcile() { return run_for(Job::reconcile, "missingAtHub"); }

  std::set<SessionId> known;
  bool answers = true;
  int asked = 0;
};

TEST_F(MissingAtHub, NothingIsAskedAsLongAsNothingIsLost) {
  sold("S-1");
  caught_up();
  EXPECT_EQ(reconcile(), -1) << "nor told";
  EXPECT_EQ(asked, 0);
}

TEST_F(MissingAtHub, EachSaleThatTheHubHasNeverHeardOfIsNamedOnce) {
  std::vector<Till> tills;
  for (int i = 0; i < 6; ++i) tills.push_back(sold("S-" + std::to_string(i)));
  const Till left = calculated("S-LEFT");
  for (std::size_t i : {0u, 1u, 4u, 5u}) known.insert(tills[i].session);
  lose_history();
  EXPECT_EQ(reconcile(), 2);
  EXPECT_EQ(named(), (std::vector<SessionId>{tills[2].session, tills[3].session}));
  EXPECT_EQ(differences["finalized/missing_at_hub"], 2);
  EXPECT_FALSE(life->outbox->has_lost());
  caught_up();
  EXPECT_EQ(reconcile(), -1);
  // Another loss: what is missing still is told again.
  lose_history();
  known.insert(tills[2].session);
  EXPECT_EQ(reconcile(), 1);
  EXPECT_EQ(named().back(), tills[3].session);
}

TEST_F(MissingAtHub, AnArchivedSaleIsNamedToo) {
  const Till old = sold("S-OLD");
  away(days{40});
  ASSERT_EQ(run_for(Job::archive, "archived"), 1);
  const Till fresh = sold("S-NEW");
  lose_history();
  keep_caught_up();
  EXPECT_EQ(reconcile(), 2);
  EXPECT_EQ(named(), (std::vector<SessionId>{old.session, fresh.session}));
}

TEST_F(MissingAtHub, WhatIsStillOnItsWayIsNotMissing) {
  sold("S-1");
  life->run(losing());
  EXPECT_EQ(reconcile(), 0);
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(life->outbox->has_lost()) << "later";
  caught_up();
  EXPECT_EQ(reconcile(), 1);
}

TEST_F(MissingAtHub, WithoutTheHubsAnswerItIsTriedAgainAtTheNextRunAlsoAfterARestart) {
  sold("S-1");
  lose_history();
  answers = false;
  EXPECT_EQ(reconcile(), 0);
  away(hours{1});
  EXPECT_TRUE(life->outbox->has_lost());
  answers = true;
  EXPECT_EQ(reconcile(), 1);
  EXPECT_FALSE(life->outbox->has_lost());
}

TEST_F(MissingAtHub, ACrashAtAnyStepNamesEachSaleOnceAndForgetsNone) {
  std::vector<SessionId> sessions;
  for (int i = 0; i < 5; ++i) sessions.push_back(sold("S-" + std::to_string(i)).session);
  lose_history();
  const journal::MemoryDisk before = outside.disk;
  for (std::size_t steps = 1; steps < 200; ++steps) {
    end();
    outside.disk = before;
    outside.disk.sync_time = Millis{2};
    start();
    const bool cut = run_steps(Job::reconcile, steps);
    crash(steps);
    start();
    caught_up();
    EXPECT_NE(run(Job::reconcile).has_value(), false);
    EXPECT_EQ(named(), sessions) << steps;
    if (!cut) return;
  }
  FAIL() << "it never came to its end";
}

}  // namespace
}  // namespace perkline::edge::jobs
