#include "edge/jobs/expire.hpp"
#include "shared/core/bytes.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::jobs {
namespace {

constexpr days ten_years{3652};

class ExpireJob : public JobsTest {
 protected:
  std::int64_t expire() { return run_for(Job::expire, "expired"); }
};

TEST_F(ExpireJob, ExpiresWhatIsPastItsTimeAndHasNotBecomeASale) {
  const Till active = opened("T-1");
  const Till priced = calculated("T-2");
  const Till sale = sold("T-3");
  skip(hours{24});
  const Till young = opened("T-4");
  EXPECT_EQ(expire(), 2);
  EXPECT_EQ(status_of(active), Status::expired);
  EXPECT_EQ(status_of(priced), Status::expired);
  EXPECT_EQ(status_of(sale), Status::finalized);
  EXPECT_EQ(status_of(young), Status::active);
  EXPECT_EQ(life->stored(priced.session).earned, Points{0});
  EXPECT_EQ(expire(), 0) << "once";
}

TEST_F(ExpireJob, ExpiresNothingAMillisecondTooEarly) {
  const Till till = opened("T-1");
  ASSERT_EQ(expire(), 0);
  skip(hours{24} - (outside.time.wall - life->stored(till.session).created_at) - Millis{1});
  EXPECT_EQ(expire(), 0);
  skip(Millis{1});
  EXPECT_EQ(expire(), 1);
}

TEST_F(ExpireJob, AWallClockThatJumpsTenYearsAheadEndsNoSession) {
  const Till till = opened("T-1");
  outside.time.wall += ten_years;
  EXPECT_EQ(expire(), 0);
  EXPECT_EQ(status_of(till), Status::active);
  skip(hours{24});
  EXPECT_EQ(expire(), 1) << "it ages on";
}

TEST_F(ExpireJob, AWallClockThatJumpsTenYearsBackKeepsNoSessionAlive) {
  const Till before = opened("T-1");
  outside.time.wall -= ten_years;
  const Till after = opened("T-2");
  skip(hours{24});
  EXPECT_EQ(expire(), 2);
  EXPECT_EQ(status_of(before), Status::expired);
  EXPECT_EQ(status_of(after), Status::expired);
}

TEST_F(ExpireJob, FindsASessionThatWasOpenedWhileTheClockWasYearsBehind) {
  ASSERT_EQ(expire(), 0);
  end();
  outside.time.wall -= ten_years;
  start();
  const Till till = opened("T-1");
  end();
  outside.time.wall += ten_years;
  start();
  EXPECT_EQ(expire(), 1);
  EXPECT_EQ(status_of(till), Status::expired);
}

TEST_F(ExpireJob, LeavesASessionWhoseTillIsBeingServed) {
  Till till = opened("T-1");
  skip(hours{24} - Millis{200});
  outside.pdi.next(PdiCall::calculate, {.there = Millis{1000}});
  life->start(life->flows.calculate_rewards(till.calculate_request()));
  pass(Millis{500});
  EXPECT_EQ(expire(), 0);
  pass(seconds{2});
  EXPECT_EQ(status_of(till), Status::calculated) << "the till has its answer";
  EXPECT_EQ(expire(), 1);
}

TEST_F(ExpireJob, ATillThatAsksAtThatVeryMomentIsToldExpired) {
  Till till = opened("T-1");
  ASSERT_EQ(expire(), 0);
  skip(hours{25});
  outside.disk.sync_time = Millis{5};
  ASSERT_TRUE(run_steps(Job::expire, 1));
  ASSERT_TRUE(life->locks.is_held("state:" + till.session.str())) << "the job is writing it";
  const auto told = life->run(life->flows.status(till.session));
  ASSERT_TRUE(told) << told.error().detail;
  EXPECT_NE(told->body.find(R"("status":"expired")"), std::string::npos) << told->body;
  EXPECT_EQ(life->stored(till.session).version, 2u) << "one step, whoever took it";
}

TEST_F(ExpireJob, ReadsOnlyWhatMayLapse) {
  for (int i = 0; i < 20; ++i) sold("S-" + std::to_string(i));
  const Till till = opened("T-1");
  skip(hours{25});
  EXPECT_EQ(life->store.lapsing({.until = outside.time.wall + Millis{1}}, "", 100)->ids,
            std::vector{till.session});
  EXPECT_EQ(expire(), 1);
  EXPECT_TRUE(life->store.lapsing({.until = outside.time.wall + Millis{1}}, "", 100)->ids.empty());
}

TEST_F(ExpireJob, TillsAreServedAsEverWhileManyExpire) {
  outside.disk.sync_time = Millis{1};
  for (int i = 0; i < 300; ++i) opened("T-" + std::to_string(i));
  skip(hours{25});
  ASSERT_TRUE(run_steps(Job::expire, 100));
  ASSERT_EQ(jobs->standing().front().job, Job::expire);
  ASSERT_TRUE(jobs->standing().front().running);
  const MonoTime began = outside.time.mono;
  const Till till = opened("T-NEW");
  EXPECT_LE(outside.time.mono - began, Millis{15}) << "PDI's 10 ms, and a sync or two";
  EXPECT_TRUE(jobs->standing().front().running) << "and the job is still at it";
  EXPECT_EQ(status_of(till), Status::active);
}

TEST_F(ExpireJob, SessionsFromBeforeThereWasAnIndexAreFoundOnce) {
  const Till till = calculated("T-1");
  const Till sale = sold("T-2");
  const Session stored = life->stored(till.session);
  journal::Batch batch;
  std::string place;
  append_u64(place, static_cast<std::uint64_t>(stored.expires_at.time_since_epoch().count()));
  batch.erase(journal::Family::expiry, place + stored.id.str());
  const auto commit = [](journal::Journal& journal, journal::Batch changes) -> Task<bool> {
    co_await journal.commit(std::move(changes));
    co_return true;
  };
  life->run(commit(life->journal, std::move(batch)));
  ASSERT_TRUE(life->store.lapsing({.until = stored.expires_at + Millis{1}}, "", 100)->ids.empty());
  EXPECT_EQ(expire(), 0) << "not old yet";
  EXPECT_EQ(life->store.lapsing({.until = stored.expires_at + Millis{1}}, "", 100)->ids,
            std::vector{till.session});
  skip(hours{24});
  EXPECT_EQ(expire(), 1);
  EXPECT_EQ(status_of(sale), Status::finalized);
}

TEST_F(ExpireJob, WhereverItCrashesEachSessionTakesOneStepAndNoneIsForgotten) {
  bool crashed = true;
  for (std::size_t steps = 1; crashed; ++steps) {
    ASSERT_LT(steps, 500u);
    const std::string name = "T-" + std::to_string(steps) + '-';
    std::vector<Till> tills;
    for (int i = 0; i < 3; ++i) tills.push_back(opened(name + std::to_string(i)));
    skip(hours{25});
    crashed = run_steps(Job::expire, steps);
    crash(steps);
    start();
    ASSERT_GE(expire(), 0);
    for (const Till& till : tills) {
      ASSERT_EQ(status_of(till), Status::expired) << steps;
      ASSERT_EQ(life->stored(till.session).version, 2u) << steps;
    }
  }
}

}  // namespace
}  // namespace perkline::edge::jobs
