#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/jobs/archive.hpp"
#include "edge/jobs/clear_cache.hpp"
#include "edge/jobs/expire.hpp"
#include "edge/jobs/missing_sales.hpp"
#include "edge/jobs/reconcile.hpp"
#include "edge/jobs/schedule.hpp"

namespace perkline::edge::jobs {

struct JobsOptions {
  days session_keep{400};  ///< session.keep_days
  days outbox_keep{7};     ///< outbox.keep_days
  ReconcileOptions reconcile = {};
};

/// Who watches the jobs; what is empty is not told.
struct Watch {
  /// `result`: success, failed, or interrupted (PDI could not be asked, or the daemon ends).
  std::function<void(Job job, std::string_view result, std::chrono::nanoseconds took)> on_run = {};
  /// When it last succeeded, from the start on; nullopt: never.
  std::function<void(Job job, std::optional<WallTime> began)> on_last_success = {};
  Reconcile::OnDifference on_difference = {};
};

/// All that jobs touch of the world, which outlives them.
struct Parts {
  session::Ports ports;
  session::SessionWriter& writer;
  journal::Journal& journal;
  journal::Outbox& outbox;
  pdi_queue::Gate gate;
  pdi_queue::AskHub ask_hub = {};  ///< Empty: there is no hub.
  Archive::ForgetClaims forget_claims = {};
};

/// A run that has come to its end.
struct Done {
  Job job;
  Report report;
  Millis took{0};
};

/// How a job stands.
struct Standing {
  Job job;
  std::optional<WallTime> last_success;
  WallTime next;  ///< Now or earlier: it is due.
  bool running = false;
};

/// The store's regular jobs, one after another, by the clock or by hand. When one has last succeeded is
/// durable, so that one missed while the daemon did not run runs soon after its start. Reactor's thread.
class Jobs {
 public:
  Jobs(Parts parts, JobsOptions options, Watch watch);

  /// What the job clear-cache clears.
  void on_clear_cache(ClearCache::Clear clear) { clear_cache_.add(std::move(clear)); }

  /// Runs what is due, until drain(). After the daemon serves.
  Task<void> run();
  /// Runs `job` now, or after the one that is running, for a person who vouches for the clock. Errors:
  /// session_busy (that one takes too long), cancelled, the job's own.
  Task<Result<Done>> run_by_hand(Job job);
  /// No job begins any more, and the one that runs ends after its step.
  void stop();
  /// Stops; returns when nothing runs any more, or at `deadline`.
  Task<void> drain(MonoTime deadline);

  std::vector<Standing> standing() const;

 private:
  Task<Result<Done>> run_one(Job job, bool by_hand);
  Task<Result<Report>> perform(Job job, bool by_hand);
  Task<Result<Report>> clear_cache();
  Task<Result<Report>> reconcile();
  Task<Result<Report>> prune_outbox();
  Task<Result<std::uint64_t>> look_at_outbox();
  void remember(Job job);
  Task<void> keep_success(Job job, WallTime began);
  WallTime wall_now() const { return parts_.ports.clock.wall_now(); }
  MonoTime mono_now() const { return parts_.ports.clock.mono_now(); }

  Parts parts_;
  JobsOptions options_;
  Watch watch_;
  Expire expire_;
  Archive archive_;
  Reconcile reconcile_;
  MissingSales missing_;
  ClearCache clear_cache_;
  Timetable timetable_;
  net::KeyedLock turns_;
  Pace pace_;  ///< Of the one that is running.
  Pace idle_;  ///< Of run(), while none is due.
  std::optional<Job> running_;
};

/// `{job, durationMs, <count>…}`
std::string render(const Done& done);
/// `{items:[{name, when, lastSuccess, next, running}]}`
std::string render(const std::vector<Standing>& all);

}  // namespace perkline::edge::jobs
