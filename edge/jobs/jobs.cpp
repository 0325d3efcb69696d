#include "edge/jobs/jobs.hpp"

#include <algorithm>

#include "edge/jobs/successes.hpp"
#include "shared/json/writer.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::jobs {
namespace {

using journal::Family;
using ops::Level;

constexpr Millis drain_look{20};
/// For the turn of a run by hand.
constexpr hours turn_wait{1};
/// Events that are pruned before the job looks whether it is to stop.
constexpr std::uint64_t prune_max = 4096;

/// In family meta: AckedAges.
constexpr std::string_view acked_ages_key = "outbox.ages";

std::string_view result_of(const Result<Report>& report) {
  if (report) return "success";
  const Errc code = report.error().code;
  return code == Errc::cancelled || code == Errc::pdi_unavailable ? "interrupted" : "failed";
}

void log_run(Job job, const Result<Report>& report, Millis took) {
  std::string text;
  bool any = false;
  if (report) {
    for (const Count& count : *report) {
      text += (text.empty() ? "" : ", ") + std::to_string(count.count) + ' ' + std::string(count.of);
      any = any || count.count > 0;
    }
  } else {
    text = report.error().detail.empty() ? std::string(name_of(report.error().code)) : report.error().detail;
  }
  const std::string_view result = result_of(report);
  const Level level = result == "failed" ? Level::error : report && !any ? Level::debug : Level::info;
  ops::log(level, "jobs", "a job has run",
           {{"job", name_of(job)},
            {"result", result},
            {"detail", text},
            {"duration", static_cast<double>(took.count())}});
}

}  // namespace

Jobs::Jobs(Parts parts, JobsOptions options, Watch watch)
    : parts_(std::move(parts)),
      options_(options),
      watch_(std::move(watch)),
      expire_(parts_.ports, parts_.writer, parts_.journal),
      archive_(parts_.ports.store, parts_.writer, options_.session_keep, parts_.forget_claims),
      reconcile_(parts_.ports, parts_.journal, parts_.outbox, parts_.gate, watch_.on_difference,
                 options_.reconcile),
      missing_(parts_.ports, parts_.journal, parts_.outbox, parts_.ask_hub, watch_.on_difference),
      turns_(parts_.ports.clock),
      pace_(parts_.ports.clock),
      idle_(parts_.ports.clock) {
  for (const Plan& plan : plans) remember(plan.job);
}

/// What cannot be read counts as never: the job runs once more than it had to.
void Jobs::remember(Job job) {
  const auto began = last_success(parts_.journal, name_of(job));
  if (began) timetable_.succeeded(job, *began);
  if (watch_.on_last_success) watch_.on_last_success(job, began);
}

Task<void> Jobs::run() {
  while (co_await idle_.wait_until(timetable_.next_look(wall_now(), mono_now()))) {
    const auto job = timetable_.due(wall_now(), mono_now());
    if (!job) continue;
    const auto turn = co_await turns_.acquire("", mono_now() + turn_wait);
    // Somebody may have run it by hand meanwhile.
    if (turn && timetable_.is_due(*job, wall_now(), mono_now())) (void)co_await run_one(*job, false);
  }
}

Task<Result<Done>> Jobs::run_by_hand(Job job) {
  const auto turn = co_await turns_.acquire("", mono_now() + turn_wait);
  if (!turn) co_return fail(Errc::session_busy, "another job is running");
  co_return co_await run_one(job, true);
}

/// The caller has the turn.
Task<Result<Done>> Jobs::run_one(Job job, bool by_hand) {
  if (pace_.stopped()) co_return stopped_early();
  const WallTime wall = wall_now();
  const MonoTime began = mono_now();
  timetable_.began(job, began);
  running_ = job;
  auto report = co_await perform(job, by_hand);
  if (report) co_await keep_success(job, wall);
  running_.reset();
  if (!report) timetable_.failed(job, mono_now());
  const auto took = mono_now() - began;
  log_run(job, report, std::chrono::floor<Millis>(took));
  if (watch_.on_run) watch_.on_run(job, result_of(report), took);
  if (!report) co_return failure(report);
  co_return Done{.job = job, .report = std::move(*report), .took = std::chrono::floor<Millis>(took)};
}

Task<Result<Report>> Jobs::perform(Job job, bool by_hand) {
  switch (job) {
    case Job::expire:
      return expire_.run(pace_);
    case Job::archive:
      return archive_.run(pace_, timetable_.last_success(Job::archive), by_hand);
    case Job::reconcile:
      return reconcile();
    case Job::prune_outbox:
      return prune_outbox();
    case Job::clear_cache:
      break;
  }
  return clear_cache();
}

/// With the hub first, which may have lost sales for good, then with PDI.
Task<Result<Report>> Jobs::reconcile() {
  const bool had_lost = parts_.outbox.has_lost() && parts_.ask_hub;
  const auto missing = co_await missing_.run(pace_);
  if (!missing) co_return std::unexpected(missing.error());
  if (!*missing)
    ops::log(Level::warn, "reconcile",
             "the hub has lost sales, and cannot be asked yet which: the next run asks");
  auto report = co_await reconcile_.run(pace_);
  if (report && had_lost) report->push_back({"missingAtHub", missing->value_or(0)});
  co_return report;
}

Task<Result<Report>> Jobs::clear_cache() {
  co_return clear_cache_.run();
}

/// Up to which position of the outbox everything is old enough to go.
Task<Result<std::uint64_t>> Jobs::look_at_outbox() {
  const auto stored = parts_.journal.get(Family::meta, acked_ages_key);
  if (!stored) co_return std::unexpected(stored.error());
  auto ages = *stored ? AckedAges::decode(**stored) : AckedAges();
  if (!ages) co_return failure(ages);
  // What the hub has while it does not go on with this history, nobody knows.
  if (parts_.outbox.is_held()) co_return 0;
  ages->look(parts_.writer.aged_now(), parts_.outbox.acked_position(), options_.outbox_keep);
  journal::Batch batch;
  batch.put(Family::meta, std::string(acked_ages_key), ages->encode());
  co_await parts_.journal.commit(std::move(batch));
  co_return ages->old_through(options_.outbox_keep);
}

Task<Result<Report>> Jobs::prune_outbox() {
  const auto old_through = co_await look_at_outbox();
  if (!old_through) co_return std::unexpected(old_through.error());
  std::uint64_t count = 0;
  while (true) {
    const auto pruned = co_await parts_.outbox.prune(*old_through, prune_max);
    if (!pruned) co_return std::unexpected(pruned.error());
    count += *pruned;
    if (*pruned < prune_max) co_return Report{{"removed", count}};
    if (!co_await pace_.step()) co_return stopped_early();
  }
}

/// What was due when it began has been done, and no more.
Task<void> Jobs::keep_success(Job job, WallTime began) {
  co_await jobs::keep_success(parts_.journal, name_of(job), began);
  timetable_.succeeded(job, began);
  if (watch_.on_last_success) watch_.on_last_success(job, began);
}

void Jobs::stop() {
  pace_.stop();
  idle_.stop();
}

Task<void> Jobs::drain(MonoTime deadline) {
  stop();
  while (running_ && mono_now() < deadline) co_await parts_.ports.clock.sleep(drain_look);
}

std::vector<Standing> Jobs::standing() const {
  std::vector<Standing> all;
  const WallTime now = wall_now();
  for (const Plan& plan : plans) {
    const auto last = timetable_.last_success(plan.job);
    const WallTime slot = latest_slot(plan.schedule, now);
    all.push_back({.job = plan.job,
                   .last_success = last,
                   .next = is_due(plan.schedule, last, now) ? slot : slot + plan.schedule.period,
                   .running = running_ == plan.job});
  }
  return all;
}

std::string render(const Done& done) {
  json::Writer out;
  out.begin_object().field("job", name_of(done.job)).field("durationMs", done.took.count());
  for (const Count& count : done.report) out.field(count.of, count.count);
  out.end_object();
  return out.take();
}

std::string render(const std::vector<Standing>& all) {
  json::Writer out;
  out.begin_object().key("items").begin_array();
  for (const Standing& standing : all) {
    const Plan& plan = plan_of(standing.job);
    out.begin_object().field("name", plan.name).field("when", plan.when);
    out.key("lastSuccess");
    standing.last_success ? out.value(format_time(*standing.last_success)) : out.null();
    out.field("next", format_time(standing.next)).field("running", standing.running).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace perkline::edge::jobs
