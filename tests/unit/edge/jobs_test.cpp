#include "edge/jobs/jobs.hpp"

#include "shared/core/bytes.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::jobs {
namespace {

constexpr days ten_years{3652};

class JobRuns : public JobsTest {
 protected:
  /// As the daemon does once it serves.
  void serve() { life->world->spawn(jobs->run()); }
  std::map<Job, int> successes() {
    std::map<Job, int> count;
    for (const auto& [job, result] : results) count[job] += result == "success" ? 1 : 0;
    results.clear();
    return count;
  }
  static std::map<Job, int> once_each() {
    std::map<Job, int> all;
    for (const Plan& plan : plans) all[plan.job] = 1;
    return all;
  }
  void put(std::string key, std::string value, journal::Family family = journal::Family::meta) {
    const auto commit = [](journal::Journal& journal, journal::Batch batch) -> Task<bool> {
      co_await journal.commit(std::move(batch));
      co_return true;
    };
    journal::Batch batch;
    batch.put(family, std::move(key), std::move(value));
    life->run(commit(life->journal, std::move(batch)));
  }
  Result<void> drain() {
    const auto drained = [](Jobs& all, MonoTime deadline) -> Task<Result<void>> {
      co_await all.drain(deadline);
      co_return Result<void>{};
    };
    return life->run(drained(*jobs, outside.time.mono + seconds{10}));
  }
};

TEST_F(JobRuns, AFirstStartRunsAllOfThemOnceAndThenByTheClock) {
  outside.time.wall = *parse_time("2026-03-01T12:07:00Z");
  serve();
  pass(minutes{1});
  EXPECT_EQ(successes(), once_each());
  pass(minutes{30});
  EXPECT_EQ(successes(), (std::map<Job, int>{{Job::expire, 2}}));
}

TEST_F(JobRuns, ARestartRunsOnlyWhatWasMissedMeanwhile) {
  outside.time.wall = *parse_time("2026-03-01T12:07:00Z");
  serve();
  pass(minutes{1});
  successes();
  away(minutes{2});
  serve();
  pass(minutes{1});
  EXPECT_TRUE(successes().empty());
  away(hours{1});
  serve();
  pass(minutes{1});
  EXPECT_EQ(successes(),
            (std::map<Job, int>{{Job::expire, 1}, {Job::clear_cache, 1}, {Job::prune_outbox, 1}}));
  away(days{5});
  serve();
  pass(minutes{1});
  EXPECT_EQ(successes(), once_each()) << "once, however often they were missed";
}

TEST_F(JobRuns, TheLastSuccessIsToldFromTheStartOn) {
  EXPECT_EQ(gauge.size(), plans.size());
  EXPECT_EQ(gauge[Job::expire], std::nullopt) << "never";
  const WallTime began = outside.time.wall;
  ASSERT_TRUE(run(Job::expire));
  EXPECT_EQ(gauge[Job::expire], began);
  gauge.clear();
  away(hours{5});
  EXPECT_EQ(gauge[Job::expire], began) << "as the journal remembers";
  EXPECT_EQ(gauge[Job::archive], std::nullopt);
}

TEST_F(JobRuns, ALastSuccessYearsAheadIsPutRightByTheNextRun) {
  outside.time.wall += ten_years;
  for (const Plan& plan : plans) ASSERT_TRUE(run(plan.job));
  successes();
  outside.time.wall -= ten_years;
  away(minutes{1});
  serve();
  pass(minutes{1});
  EXPECT_EQ(successes(), once_each());
  for (const auto& [job, last] : gauge) EXPECT_LE(*last, outside.time.wall) << name_of(job);
}

TEST_F(JobRuns, ALastSuccessThatCannotBeReadCountsAsNever) {
  ASSERT_TRUE(run(Job::expire));
  put("job.expire", "soon");
  successes();
  away(Millis{0});
  EXPECT_EQ(gauge[Job::expire], std::nullopt);
  serve();
  pass(minutes{1});
  EXPECT_EQ(successes()[Job::expire], 1);
}

TEST_F(JobRuns, OneRunsAfterAnother) {
  for (int i = 0; i < 20; ++i) sold("S-" + std::to_string(i));
  ASSERT_TRUE(run_steps(Job::reconcile, 10));
  ASSERT_TRUE(jobs->standing().back().running);
  EXPECT_TRUE(run(Job::expire)) << "it waited for its turn";
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].first, Job::reconcile);
  EXPECT_EQ(results[1].first, Job::expire);
}

TEST_F(JobRuns, ARunByHandCountsAsOneByTheClock) {
  outside.time.wall = *parse_time("2026-03-01T12:14:59Z");
  serve();
  pass(Millis{500});
  successes();
  outside.time.wall = *parse_time("2026-03-01T12:15:00Z");
  ASSERT_TRUE(run(Job::expire));
  pass(minutes{5});
  EXPECT_EQ(successes()[Job::expire], 1);
}

TEST_F(JobRuns, AFailureIsTriedAgainAfterAPauseAndHoldsNoOtherUp) {
  put("sess_0190163d-8694-739b-aea5-966c26f8ad91", "no session", journal::Family::sessions);
  serve();
  pass(minutes{4});
  int failures = 0;
  for (const auto& [job, result] : results) {
    EXPECT_EQ(result, job == Job::expire || job == Job::archive ? "failed" : "success") << name_of(job);
    failures += job == Job::expire ? 1 : 0;
  }
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(gauge[Job::expire], std::nullopt);
  results.clear();
  pass(minutes{2});
  EXPECT_EQ(results.size(), 2u) << "again";
}

TEST_F(JobRuns, AfterADrainNothingRunsAnyMore) {
  serve();
  pass(minutes{1});
  successes();
  drain();
  pass(hours{2});
  EXPECT_TRUE(results.empty());
  EXPECT_EQ(run(Job::expire).error().code, Errc::cancelled);
}

TEST_F(JobRuns, PrunesWhatTheHubHasOnceItIsOldEnough) {
  for (int i = 0; i < 5; ++i) sold("S-" + std::to_string(i));
  const auto ack = [](journal::Outbox& outbox, std::uint64_t sequence) -> Task<bool> {
    co_await outbox.set_acked(sequence);
    co_return true;
  };
  life->run(ack(*life->outbox, 4));
  for (int day = 0; day < 7; ++day) {
    EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0) << day;
    away(days{1});
  }
  EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 4) << "what was not acknowledged stays";
  EXPECT_EQ(life->events().size(), 1u);
  EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0);
}

TEST_F(JobRuns, StartsWithAWrongClockPruneNothing) {
  for (int i = 0; i < 5; ++i) sold("S-" + std::to_string(i));
  const auto ack = [](journal::Outbox& outbox, std::uint64_t sequence) -> Task<bool> {
    co_await outbox.set_acked(sequence);
    co_return true;
  };
  life->run(ack(*life->outbox, 4));
  for (const Millis wrong : {Millis{ten_years}, -Millis{ten_years}, Millis{days{8}}, -Millis{days{8}}}) {
    outside.time.wall += wrong;
    start();
    for (int run = 0; run < 3; ++run) {
      EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0) << wrong.count();
      away(hours{1});
    }
    outside.time.wall -= wrong;
    start();
    EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0);
  }
  EXPECT_EQ(life->events().size(), 5u);
}

TEST_F(JobRuns, WhatTheHubMayLackIsNotPrunedHoweverOldItIs) {
  for (int i = 0; i < 5; ++i) sold("S-" + std::to_string(i));
  const auto stop = [](journal::Outbox& outbox) -> Task<bool> {
    co_await outbox.set_acked(4);
    co_await outbox.hold(true);
    co_return true;
  };
  life->run(stop(*life->outbox));
  for (int day = 0; day < 20; ++day) {
    EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0) << day;
    away(days{1});
  }
}

TEST_F(JobRuns, AWallClockThatJumpsUnderARunningDaemonPrunesNothing) {
  for (int i = 0; i < 5; ++i) sold("S-" + std::to_string(i));
  const auto ack = [](journal::Outbox& outbox, std::uint64_t sequence) -> Task<bool> {
    co_await outbox.set_acked(sequence);
    co_return true;
  };
  life->run(ack(*life->outbox, 4));
  outside.time.wall += ten_years;
  EXPECT_EQ(run_for(Job::prune_outbox, "removed"), 0);
}

TEST_F(JobRuns, ClearCacheClearsWhatItWasGivenToClear) {
  EXPECT_EQ(run_for(Job::clear_cache, "cleared"), 0);
  jobs->on_clear_cache([] { return std::size_t{3}; });
  jobs->on_clear_cache([] { return std::size_t{4}; });
  EXPECT_EQ(run_for(Job::clear_cache, "cleared"), 7);
}

TEST_F(JobRuns, TellsWhatWasDoneAndHowEachStands) {
  outside.time.wall = *parse_time("2026-03-01T12:07:00Z");
  opened("T-1");
  away(hours{25});
  const auto done = run(Job::expire);
  ASSERT_TRUE(done);
  const std::string told = render(*done);
  EXPECT_TRUE(told.starts_with(R"({"job":"expire","durationMs":)")) << told;
  EXPECT_TRUE(told.ends_with(R"(,"expired":1})")) << told;
  const std::string all = render(jobs->standing());
  EXPECT_NE(all.find(R"({"name":"expire","when":"every 15 minutes","lastSuccess":"2026-03-02T13:07:)"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find(R"("next":"2026-03-02T13:15:00.000Z","running":false})"), std::string::npos) << all;
  EXPECT_NE(all.find(R"({"name":"reconcile","when":"daily at 01:00 UTC","lastSuccess":null,)"
                     R"("next":"2026-03-02T01:00:00.000Z")"),
            std::string::npos)
      << all << " it is due";
}

// A change that breaks this makes every store's jobs forget: keep what is stored readable.
TEST_F(JobRuns, WhatIsRememberedLiesInTheJournalLikeThis) {
  outside.time.wall = *parse_time("2026-03-01T12:30:00.250Z");
  const Till till = sold("S-1");
  outside.pdi.forget(life->stored(till.session).provider_session);
  outside.time.wall = *parse_time("2026-03-01T12:30:00.250Z");
  ASSERT_TRUE(run(Job::expire));
  ASSERT_TRUE(run(Job::reconcile));
  const auto meta = [this](const std::string& key) {
    const auto value = life->journal.get(journal::Family::meta, key);
    return value && *value ? **value : "";
  };
  EXPECT_EQ(to_hex(meta("job.expire")), "0000019ca960823a");
  EXPECT_EQ(meta("expiry.indexed"), "1");
  EXPECT_EQ(meta("reconcile.told." + till.session.str()), "finalized/unknown");
}

}  // namespace
}  // namespace perkline::edge::jobs
