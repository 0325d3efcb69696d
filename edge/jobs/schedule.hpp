#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/core/clock.hpp"

/// Which job runs when (edge.md, "Jobs"). Pure.
namespace perkline::edge::jobs {

enum class Job : std::uint8_t { expire, clear_cache, prune_outbox, archive, reconcile };

/// At `offset` after midnight UTC, and every `period` from there.
struct Schedule {
  Millis period;
  Millis offset{0};
};

struct Plan {
  Job job;
  std::string_view name;  ///< On the command line, in metrics and in the journal: never to change.
  std::string_view when;  ///< The schedule in words.
  Schedule schedule;
};

/// By Job, in the order in which jobs run that are due together: the quick ones first.
inline constexpr std::array plans{
    Plan{Job::expire, "expire", "every 15 minutes", {.period = minutes{15}}},
    Plan{Job::clear_cache, "clear-cache", "hourly", {.period = hours{1}}},
    Plan{Job::prune_outbox, "prune-outbox", "hourly", {.period = hours{1}}},
    Plan{Job::archive, "archive", "daily at 02:00 UTC", {.period = days{1}, .offset = hours{2}}},
    Plan{Job::reconcile, "reconcile", "daily at 01:00 UTC", {.period = days{1}, .offset = hours{1}}},
};

constexpr const Plan& plan_of(Job job) {
  return plans.at(static_cast<std::size_t>(job));
}
constexpr std::string_view name_of(Job job) {
  return plan_of(job).name;
}
std::optional<Job> job_named(std::string_view name);

/// The schedule's latest time that is not after `now`.
WallTime latest_slot(const Schedule& schedule, WallTime now);

/// Whether a time of the schedule has come since the last success. Where there never was one it is due, and
/// so it is when the last success lies further ahead than the next time: the clock was wrong then.
bool is_due(const Schedule& schedule, std::optional<WallTime> last_success, WallTime now);

/// What is to run next: a job that was missed runs once, however often it was missed. The wall clock says
/// what is due, the monotonic one sees to it that a wall clock which jumps to and fro sets nothing spinning.
class Timetable {
 public:
  /// After a beginning, at least, and after a failure, the same job does not begin anew.
  static constexpr minutes again_pause{1};
  static constexpr minutes retry_pause{5};
  /// A wall clock may jump at any time: it is looked at so often.
  static constexpr seconds look_every{30};

  std::optional<WallTime> last_success(Job job) const { return of(job).last_success; }
  bool is_due(Job job, WallTime wall, MonoTime mono) const;
  std::optional<Job> due(WallTime wall, MonoTime mono) const;
  /// When there may be something due that is not now; within look_every.
  MonoTime next_look(WallTime wall, MonoTime mono) const;

  void began(Job job, MonoTime now) { of(job).not_before = now + again_pause; }
  /// `began`: when the run did.
  void succeeded(Job job, WallTime began) { of(job).last_success = began; }
  void failed(Job job, MonoTime now) { of(job).not_before = now + retry_pause; }

 private:
  struct State {
    std::optional<WallTime> last_success;
    MonoTime not_before = MonoTime::min();
  };
  State& of(Job job) { return states_.at(static_cast<std::size_t>(job)); }
  const State& of(Job job) const { return states_.at(static_cast<std::size_t>(job)); }

  std::array<State, plans.size()> states_;
};

}  // namespace perkline::edge::jobs
