#include <map>
#include <string>

#include <gtest/gtest.h>

#include "edge/jobs/schedule.hpp"

namespace perkline::edge::jobs {
namespace {

WallTime at(std::string_view text) {
  return *parse_time(text);
}
constexpr MonoTime start{hours{1}};
constexpr days ten_years{3652};

bool due(Job job, std::string_view last_success, std::string_view now) {
  return is_due(plan_of(job).schedule, at(last_success), at(now));
}

TEST(Schedule, KnowsTheJobsByTheirNamesAndNoOthers) {
  for (const char* name : {"expire", "archive", "clear-cache", "reconcile", "prune-outbox"}) {
    ASSERT_TRUE(job_named(name)) << name;
    EXPECT_EQ(name_of(*job_named(name)), name);
  }
  EXPECT_FALSE(job_named("clear cache"));
  EXPECT_FALSE(job_named(""));
}

TEST(Schedule, ExpireIsDueOnEachQuarterOfAnHour) {
  EXPECT_FALSE(due(Job::expire, "2026-03-01T12:15:00Z", "2026-03-01T12:29:59.999Z"));
  EXPECT_TRUE(due(Job::expire, "2026-03-01T12:15:00Z", "2026-03-01T12:30:00Z"));
  EXPECT_TRUE(due(Job::expire, "2026-03-01T12:29:59.999Z", "2026-03-01T12:30:00Z"));
}

TEST(Schedule, HourlyJobsAreDueOnTheHour) {
  for (const Job job : {Job::clear_cache, Job::prune_outbox}) {
    EXPECT_FALSE(due(job, "2026-03-01T12:00:00.001Z", "2026-03-01T12:59:59.999Z"));
    EXPECT_TRUE(due(job, "2026-03-01T12:00:00.001Z", "2026-03-01T13:00:00Z"));
  }
}

TEST(Schedule, DailyJobsAreDueAtTheirHourInUtc) {
  EXPECT_FALSE(due(Job::reconcile, "2026-03-01T01:00:02Z", "2026-03-02T00:59:59Z"));
  EXPECT_TRUE(due(Job::reconcile, "2026-03-01T01:00:02Z", "2026-03-02T01:00:00Z"));
  EXPECT_FALSE(due(Job::archive, "2026-03-01T02:00:02Z", "2026-03-02T01:59:59Z"));
  EXPECT_TRUE(due(Job::archive, "2026-03-01T02:00:02Z", "2026-03-02T02:00:00Z"));
  EXPECT_TRUE(due(Job::archive, "2026-03-01T01:59:59Z", "2026-03-01T02:00:00Z")) << "begun before its time";
}

TEST(Schedule, WhatNeverSucceededIsDue) {
  for (const Plan& plan : plans) EXPECT_TRUE(is_due(plan.schedule, std::nullopt, at("2026-03-01T12:07:00Z")));
}

TEST(Schedule, ALastSuccessThatIsYearsAheadHoldsNothingUp) {
  for (const Plan& plan : plans) {
    const WallTime now = at("2026-03-01T12:07:00Z");
    EXPECT_TRUE(is_due(plan.schedule, now + ten_years, now)) << plan.name;
    EXPECT_TRUE(is_due(plan.schedule, now + plan.schedule.period + Millis{1}, now)) << plan.name;
  }
}

TEST(Schedule, AClockSetBackByLittleRunsNothingTwice) {
  EXPECT_FALSE(due(Job::expire, "2026-03-01T12:15:00.050Z", "2026-03-01T12:14:59.900Z"));
  EXPECT_FALSE(due(Job::expire, "2026-03-01T12:15:00.050Z", "2026-03-01T12:15:00.010Z"));
  EXPECT_TRUE(due(Job::expire, "2026-03-01T12:15:00.050Z", "2026-03-01T12:30:00Z"));
}

TEST(Schedule, TimesBefore1970HaveTheirPlaceToo) {
  const Schedule daily{.period = days{1}, .offset = hours{2}};
  EXPECT_EQ(latest_slot(daily, WallTime{hours{1}}), WallTime{hours{-22}});
  EXPECT_EQ(latest_slot(daily, WallTime{hours{2}}), WallTime{hours{2}});
  EXPECT_EQ(latest_slot(daily, WallTime{hours{-22} - Millis{1}}), WallTime{hours{-46}});
}

// ---- the timetable

class JobTimetable : public ::testing::Test {
 protected:
  /// Runs whatever is due at once and successfully, looking as the daemon does; how often each job ran.
  std::map<Job, int> live(Millis time_passed) {
    std::map<Job, int> runs;
    const MonoTime end = mono + time_passed;
    while (mono < end) {
      ++looks;
      if (const auto job = timetable.due(wall, mono)) {
        ++runs[*job];
        timetable.began(*job, mono);
        timetable.succeeded(*job, wall);
        continue;
      }
      const MonoTime next = std::min(timetable.next_look(wall, mono), end);
      pass(std::max(std::chrono::ceil<Millis>(next - mono), Millis{1}));
    }
    return runs;
  }
  void pass(Millis time) {
    mono += time;
    wall += time;
  }
  static std::map<Job, int> once_each() {
    std::map<Job, int> all;
    for (const Plan& plan : plans) all[plan.job] = 1;
    return all;
  }

  Timetable timetable;
  WallTime wall = at("2026-03-01T12:07:00Z");
  MonoTime mono = start;
  int looks = 0;
};

TEST_F(JobTimetable, ADayHoldsAsManyRunsAsTheScheduleSays) {
  live(minutes{1});
  const auto runs = live(days{1});
  EXPECT_EQ(runs, (std::map<Job, int>{{Job::expire, 96},
                                      {Job::clear_cache, 24},
                                      {Job::prune_outbox, 24},
                                      {Job::archive, 1},
                                      {Job::reconcile, 1}}));
}

TEST_F(JobTimetable, RunsToTheMillisecond) {
  live(minutes{1});
  const MonoTime next = timetable.next_look(wall, mono);
  EXPECT_LE(next, mono + Timetable::look_every);
  wall = at("2026-03-01T12:14:59.990Z");
  EXPECT_EQ(timetable.next_look(wall, mono), mono + Millis{10});
}

TEST_F(JobTimetable, AFirstStartRunsEachOnceInTurnTheQuickOnesFirst) {
  EXPECT_EQ(timetable.due(wall, mono), Job::expire);
  EXPECT_EQ(live(minutes{1}), once_each());
}

TEST_F(JobTimetable, WhatWasMissedForWeeksRunsOnceAfterTheStart) {
  for (const Plan& plan : plans) timetable.succeeded(plan.job, wall - days{21});
  EXPECT_EQ(live(minutes{5}), once_each());
}

TEST_F(JobTimetable, AShortRestartRunsNothingAgain) {
  live(minutes{1});
  Timetable next_life;
  for (const Plan& plan : plans) next_life.succeeded(plan.job, *timetable.last_success(plan.job));
  timetable = next_life;
  EXPECT_TRUE(live(minutes{1}).empty());
}

TEST_F(JobTimetable, AWallClockThatJumpsTenYearsAheadAndBackRunsEachOnceMoreAndGoesOn) {
  live(minutes{30});
  wall += ten_years;
  EXPECT_EQ(live(minutes{1}), once_each());
  wall -= ten_years;
  EXPECT_EQ(live(minutes{2}), once_each()) << "the last success is years ahead now";
  EXPECT_EQ(live(days{1})[Job::expire], 96);
}

TEST_F(JobTimetable, AWallClockThatJumpsTenYearsBackDoesTheSame) {
  live(minutes{30});
  wall -= ten_years;
  EXPECT_EQ(live(minutes{2}), once_each());
  EXPECT_EQ(live(days{1})[Job::reconcile], 1);
  wall += ten_years;
  EXPECT_EQ(live(minutes{2}), once_each());
}

TEST_F(JobTimetable, AWallClockThatJumpsToAndFroSetsNothingSpinning) {
  live(minutes{1});
  std::map<Job, int> runs;
  looks = 0;
  for (int i = 0; i < 600; ++i) {
    wall += i % 2 == 0 ? ten_years : -ten_years;
    for (const auto& [job, count] : live(seconds{1})) runs[job] += count;
  }
  for (const Plan& plan : plans) {
    EXPECT_GE(runs[plan.job], 9) << plan.name;
    EXPECT_LE(runs[plan.job], 11) << plan.name << ": at most one a minute";
  }
  EXPECT_LT(looks, 3000);
}

TEST_F(JobTimetable, AFailureIsTriedAgainAfterFiveMinutesAndHoldsNoOtherUp) {
  live(minutes{1});
  wall = at("2026-03-02T01:00:00Z");
  mono += hours{13};
  live(Millis{1});
  ASSERT_EQ(timetable.last_success(Job::reconcile), wall - Millis{1}) << "it was due";
  pass(days{1} - hours{1});
  live(Millis{1});
  pass(hours{1});
  ASSERT_TRUE(timetable.is_due(Job::reconcile, wall, mono));
  timetable.began(Job::reconcile, mono);
  timetable.failed(Job::reconcile, mono + minutes{2});
  EXPECT_FALSE(timetable.is_due(Job::reconcile, wall + minutes{6}, mono + minutes{6}));
  EXPECT_TRUE(timetable.is_due(Job::expire, wall + minutes{6}, mono + minutes{6}));
  EXPECT_TRUE(timetable.is_due(Job::reconcile, wall + minutes{7}, mono + minutes{7}));
}

}  // namespace
}  // namespace perkline::edge::jobs
