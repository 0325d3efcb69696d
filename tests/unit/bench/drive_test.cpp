#include "bench/measure/drive.hpp"

#include <optional>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/children.hpp"
#include "bench/measure/process.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::bench {
namespace {

using std::chrono::milliseconds;

/// Ends one operation a poll, oldest first, after `service`. The one that is `wrong` by its number, from 1,
/// is not as it should be.
class FakeLoad final : public Load {
 public:
  FakeLoad(std::size_t lanes, milliseconds service, std::size_t wrong = 0)
      : busy_(lanes), service_(service), wrong_(wrong) {}
  std::size_t lanes() const override { return busy_.size(); }
  std::vector<std::string> kinds() const override { return {"even", "odd"}; }
  std::string complaint() const override { return "odd was answered 401"; }
  Result<void> begin(std::size_t lane) override {
    EXPECT_FALSE(busy_[lane]) << "a lane has two on their way";
    busy_[lane] = true;
    queue_.push_back(lane);
    return {};
  }
  Result<void> poll(std::chrono::nanoseconds, std::vector<Ended>& ended) override {
    if (queue_.empty()) return {};
    std::this_thread::sleep_for(service_);
    const std::size_t lane = queue_.front();
    queue_.erase(queue_.begin());
    busy_[lane] = false;
    ++ended_;
    ended.push_back({.lane = lane, .kind = ended_ % 2, .ok = ended_ != wrong_, .units = 4});
    return {};
  }
  bool idle() const { return queue_.empty(); }

 private:
  std::vector<bool> busy_;
  std::vector<std::size_t> queue_;
  milliseconds service_;
  std::size_t wrong_;
  std::size_t ended_ = 0;
};

TEST(BenchDrive, ClosedLoopKeepsEveryLaneBusyAndCountsUnits) {
  FakeLoad load(3, milliseconds(0));
  const auto figures = drive(load, {.warm_up = milliseconds(0), .time = milliseconds(20'000), .units = 400});
  ASSERT_TRUE(figures) << figures.error().detail;
  EXPECT_EQ(figures->operations, 400U);
  ASSERT_EQ(figures->kinds.size(), 2U);
  EXPECT_GE(figures->kinds[0].times.count(), 50U);
  EXPECT_TRUE(load.idle());  // what was on its way has been waited for
}

TEST(BenchDrive, OpenLoopCountsFromWhenACallWasDueNotFromWhenALaneWasFree) {
  constexpr milliseconds service{2};
  FakeLoad load(1, service);
  // Ten times as many as the lane can take: each waits for all before it.
  const auto figures =
      drive(load, {.warm_up = milliseconds(0), .time = milliseconds(20'000), .rate = 5000, .units = 80});
  ASSERT_TRUE(figures) << figures.error().detail;
  EXPECT_GE(figures->times.longest(), 15 * service);
  EXPECT_GT(figures->p50_us, 5000.0);
}

/// Answers at once, but from the `stands_from`th poll on for so long.
class StallingLoad final : public Load {
 public:
  StallingLoad(std::size_t stands_from, milliseconds stands) : stands_from_(stands_from), stands_(stands) {}
  std::size_t lanes() const override { return lanes_; }
  Result<void> begin(std::size_t lane) override {
    queue_.push_back(lane);
    return {};
  }
  Result<void> poll(std::chrono::nanoseconds, std::vector<Ended>& ended) override {
    if (queue_.empty()) return {};
    if (++polls_ >= stands_from_) {
      const auto now = std::chrono::steady_clock::now();
      if (!stood_since_) stood_since_ = now;
      if (now - *stood_since_ < stands_) return {};
    }
    for (const std::size_t lane : queue_) ended.push_back({.lane = lane});
    queue_.clear();
    return {};
  }

 private:
  static constexpr std::size_t lanes_ = 4;
  std::size_t stands_from_;
  milliseconds stands_;
  std::vector<std::size_t> queue_;
  std::size_t polls_ = 0;
  std::optional<std::chrono::steady_clock::time_point> stood_since_;
};

TEST(BenchDrive, WhatStandsStillAtTheEndOfAClosedLoopCounts) {
  StallingLoad load(10, milliseconds(1000));
  const auto figures = drive(load, {.warm_up = milliseconds(0), .time = milliseconds(50)});
  ASSERT_TRUE(figures) << figures.error().detail;
  EXPECT_EQ(figures->operations, 4U * 9);  // throughput is what ended in time
  EXPECT_EQ(figures->late, 4U);
  EXPECT_GE(figures->times.longest(), milliseconds(1000));
}

TEST(BenchDrive, WhatWasDueAndNotBegunAtTheEndOfAnOpenLoopCounts) {
  StallingLoad load(10, milliseconds(1000));
  const auto figures = drive(load, {.warm_up = milliseconds(0), .time = milliseconds(50), .rate = 1000});
  ASSERT_TRUE(figures) << figures.error().detail;
  // All that was due in the time is there, however much of it was begun.
  EXPECT_GE(figures->times.count(), 49U);
  EXPECT_EQ(figures->late, figures->times.count() - figures->operations);
  EXPECT_GE(figures->times.longest(), milliseconds(1000));
}

/// Each poll takes 10 ms of CPU time, however long that is, and ends an operation.
class BurningLoad final : public Load {
 public:
  std::size_t lanes() const override { return 1; }
  Result<void> begin(std::size_t) override { return {}; }
  Result<void> poll(std::chrono::nanoseconds, std::vector<Ended>& ended) override {
    const auto begin = use_of(::getpid())->cpu;
    while (use_of(::getpid())->cpu - begin < milliseconds(10)) {
    }
    ended.push_back({.lane = 0});
    return {};
  }
};

TEST(BenchDrive, TellsHowMuchOfACoreTheLoadTook) {
  FakeLoad asleep(1, milliseconds(10));
  const auto idle = drive(asleep, {.warm_up = milliseconds(0), .time = milliseconds(20'000), .units = 80});
  ASSERT_TRUE(idle) << idle.error().detail;
  EXPECT_GT(idle->load_cpu_seconds, 0);
  EXPECT_LT(idle->load_share(), 0.5);
  BurningLoad burning;
  const auto busy = drive(burning, {.warm_up = milliseconds(0), .time = milliseconds(20'000), .units = 5});
  ASSERT_TRUE(busy) << busy.error().detail;
  EXPECT_GE(busy->load_cpu_seconds, 0.05);
  EXPECT_DOUBLE_EQ(busy->load_share(), busy->load_cpu_seconds / busy->seconds);
}

TEST(BenchDrive, CountsWhatADatabasesProcessesHaveUsedAlsoThoseThatHaveEnded) {
  const auto shell =
      Child::start("/bin/sh", {"-c", "head -c 100000000 /dev/zero | md5sum; sleep 60; exit 1"}, "/dev/null");
  ASSERT_TRUE(shell) << shell.error().detail;
  const auto cpu_of = [](pid_t process) {
    const auto use = use_of(process);
    return use ? use->cpu : std::chrono::nanoseconds::zero();
  };
  // Both ends of the pipe have gone, and only the one that sleeps is there.
  const bool counted = test::eventually(
      [&] {
        const auto children = children_of(shell->pid());
        const auto family = family_cpu(shell->pid());
        return children.size() == 1 && family &&
               *family - cpu_of(shell->pid()) - cpu_of(children[0]) >= milliseconds(20);
      },
      std::chrono::seconds(60));
  FakeLoad load(1, milliseconds(1));
  const auto figures = drive(
      load, {.warm_up = milliseconds(0), .time = milliseconds(20'000), .units = 4, .database = shell->pid()});
  const auto own = load_cpu(0);
  const auto its = cpu_of(shell->pid());
  EXPECT_GT(its, std::chrono::nanoseconds::zero());
  EXPECT_GE(load_cpu(shell->pid()), own + its) << "as a part of the load";
  for (const pid_t child : children_of(shell->pid())) ::kill(child, SIGKILL);
  EXPECT_TRUE(counted);
  ASSERT_TRUE(figures) << figures.error().detail;
  EXPECT_LT(figures->database_cpu_seconds, 0.02) << "what it used before does not count";
  EXPECT_EQ(figures->cpu_seconds, 0) << "nobody asked for the server's";
  EXPECT_FALSE(family_cpu(1 << 23)) << "there is no such process";
}

TEST(BenchDrive, TurnGoesOnUntilTheFirstHasEnded) {
  StallingLoad load(1, milliseconds(200));
  const auto figures = drive(load, {.warm_up = milliseconds(0), .time = milliseconds(20)});
  ASSERT_TRUE(figures) << figures.error().detail;
  EXPECT_EQ(figures->operations, 4U);
  EXPECT_GE(figures->seconds, 0.2) << "what stands still is slow";
}

TEST(BenchDrive, TurnInWhichNothingEndedIsAnError) {
  StallingLoad load(1, milliseconds(20'000));
  const auto figures =
      drive(load, {.warm_up = milliseconds(0), .time = milliseconds(20), .first_within = milliseconds(20)});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, Errc::io_failed);
}

TEST(BenchDrive, OperationThatEndsOtherwiseThanItShouldIsAnErrorAndNoFigure) {
  FakeLoad load(3, milliseconds(0), 11);
  const auto figures = drive(load, {.warm_up = milliseconds(0), .time = milliseconds(20'000)});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().detail,
            "1 of 11 operations so far ended otherwise than they should, first: odd was answered 401");
}

TEST(BenchDrive, StopsWhenAsked) {
  FakeLoad load(1, milliseconds(0));
  const std::atomic<bool> stop{true};
  const auto figures = drive(load, {.stop = &stop});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, Errc::cancelled);
}

TEST(BenchProcess, CpuTimeIsFinerThanTheKernelsTicks) {
  const auto before = use_of(::getpid());
  const auto after = use_of(::getpid());
  ASSERT_TRUE(before);
  ASSERT_TRUE(after);
  EXPECT_LT(before->cpu, after->cpu);
  EXPECT_GT(after->rss_mib, 0);
  constexpr pid_t never_given = 4'194'304;  // the kernel's limit
  EXPECT_FALSE(use_of(never_given));
}

}  // namespace
}  // namespace perkline::bench
