#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "edge/jobs/jobs.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::jobs {

using session::Life;
using session::Outside;
using session::Session;
using session::Status;
using session::Till;
using test::PdiCall;
using test::PdiFault;

/// A store's daemon with its jobs, over and over again on the same disk.
class JobsTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void TearDown() override { end(); }

  void end() {
    if (life) life->world.reset();
    jobs.reset();
    life.reset();
  }
  void crash(std::uint64_t seed) {
    life->crash(seed);
    jobs.reset();
    life.reset();
  }
  void start() {
    end();
    life = std::make_unique<Life>(outside, life_options);
    jobs.emplace(
        Parts{.ports = life->ports,
              .writer = life->writer,
              .journal = life->journal,
              .outbox = *life->outbox,
              .gate = {.open_at = [this] { return open_at.value_or(outside.time.mono); },
                       .is_closed = [this] { return closed; },
                       .may_retry = [this] { return may_retry; }},
              .ask_hub = ask_hub},
        options,
        Watch{.on_run = [this](Job job, std::string_view result,
                               std::chrono::nanoseconds) { results.emplace_back(job, std::string(result)); },
              .on_last_success = [this](Job job, std::optional<WallTime> last) { gauge[job] = last; },
              .on_difference =
                  [this](std::string_view ours, std::string_view pdi) {
                    ++differences[std::string(ours) + '/' + std::string(pdi)];
                  }});
  }

  /// Time in which nothing happens, and in which the daemon does not run.
  void away(Millis time) {
    end();
    outside.time.mono += time;
    outside.time.wall += time;
    start();
  }
  /// Of both clocks, while the daemon runs.
  void pass(Millis time) {
    life->world->run_until([] { return false; }, time);
  }

  /// Of both clocks, at once.
  void skip(Millis time) {
    outside.time.mono += time;
    outside.time.wall += time;
  }

  /// Runs `job`, handler by handler, up to so many; false when it has come to its end before.
  bool run_steps(Job job, std::size_t steps) {
    struct Run {
      static Task<void> to_end(Jobs& jobs, Job job, std::shared_ptr<bool> done) {
        (void)co_await jobs.run_by_hand(job);
        *done = true;
      }
    };
    auto done = std::make_shared<bool>(false);
    life->world->spawn(Run::to_end(*jobs, job, done));
    for (std::size_t i = 0; i < steps && !*done; ++i) {
      life->world->io().restart();
      while (life->world->io().poll_one() == 0) {
        const auto due = life->world->next_due();
        if (!due) return true;
        if (*due > outside.time.mono) skip(std::chrono::ceil<Millis>(*due - outside.time.mono));
        life->world->wake_due();
        life->world->io().restart();
      }
    }
    return !*done;
  }

  Result<Done> run(Job job) { return life->run(jobs->run_by_hand(job)); }
  /// By the clock: nothing is done by hand, and other jobs run too if they are due.
  bool run_when_due(Job job) {
    life->world->spawn(jobs->run());
    const std::size_t before = results.size();
    const auto has_run = [&] {
      return std::any_of(
          results.begin() + static_cast<std::ptrdiff_t>(before), results.end(),
          [job](const auto& result) { return result.first == job && result.second == "success"; });
    };
    return life->world->run_until(has_run, minutes{2});
  }
  /// The count of that name; -1: the run failed or there is none.
  std::int64_t count_of(const Result<Done>& done, std::string_view name) {
    if (!done) return -1;
    for (const Count& count : done->report) {
      if (count.of == name) return static_cast<std::int64_t>(count.count);
    }
    return -1;
  }
  std::int64_t run_for(Job job, std::string_view name) { return count_of(run(job), name); }

  Till till_of(const std::string& transaction) {
    Till till;
    till.transaction = TransactionId(transaction);
    return till;
  }
  /// A session that goes as far as that; its till.
  Till opened(const std::string& transaction) {
    Till till = till_of(transaction);
    till.session = life->identify(till);
    EXPECT_FALSE(till.session.empty());
    return till;
  }
  Till calculated(const std::string& transaction) {
    Till till = opened(transaction);
    EXPECT_TRUE(life->calculate(till));
    return till;
  }
  Till sold(const std::string& transaction) {
    Till till = calculated(transaction);
    const auto answer = life->finalize(till);
    EXPECT_TRUE(answer && answer->status == 200);
    return till;
  }
  Status status_of(const Till& till) { return life->stored(till.session).status; }

  Outside outside;
  session::LifeOptions life_options;
  JobsOptions options;
  pdi_queue::AskHub ask_hub = {};
  bool closed = true;
  bool may_retry = true;
  std::optional<MonoTime> open_at;
  std::unique_ptr<Life> life;
  std::optional<Jobs> jobs;
  std::vector<std::pair<Job, std::string>> results;
  std::map<Job, std::optional<WallTime>> gauge;
  std::map<std::string, int> differences;
};

}  // namespace perkline::edge::jobs
