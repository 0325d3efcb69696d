#include "edge/jobs/schedule.hpp"

#include <algorithm>

namespace perkline::edge::jobs {
namespace {

constexpr bool plans_are_by_job() {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].job != static_cast<Job>(i)) return false;
  }
  return true;
}
static_assert(plans_are_by_job());

}  // namespace

std::optional<Job> job_named(std::string_view name) {
  const auto* const found = std::ranges::find(plans, name, &Plan::name);
  return found == plans.end() ? std::nullopt : std::optional(found->job);
}

WallTime latest_slot(const Schedule& schedule, WallTime now) {
  const Millis since = now.time_since_epoch() - schedule.offset;
  auto periods = since / schedule.period;
  if (periods * schedule.period > since) --periods;  // division rounds towards 1970
  return WallTime{schedule.offset + periods * schedule.period};
}

bool is_due(const Schedule& schedule, std::optional<WallTime> last_success, WallTime now) {
  if (!last_success || *last_success > now + schedule.period) return true;
  return *last_success < latest_slot(schedule, now);
}

bool Timetable::is_due(Job job, WallTime wall, MonoTime mono) const {
  return of(job).not_before <= mono && jobs::is_due(plan_of(job).schedule, of(job).last_success, wall);
}

std::optional<Job> Timetable::due(WallTime wall, MonoTime mono) const {
  for (const Plan& plan : plans) {
    if (is_due(plan.job, wall, mono)) return plan.job;
  }
  return std::nullopt;
}

MonoTime Timetable::next_look(WallTime wall, MonoTime mono) const {
  MonoTime next = mono + look_every;
  for (const Plan& plan : plans) {
    const State& state = of(plan.job);
    const bool held = jobs::is_due(plan.schedule, state.last_success, wall);
    const Millis to_slot = latest_slot(plan.schedule, wall) + plan.schedule.period - wall;
    next = std::min(next, held ? std::max(mono, state.not_before) : mono + to_slot);
  }
  return next;
}

}  // namespace perkline::edge::jobs
