#include "hub/jobs/jobs.hpp"

#include <algorithm>
#include <array>

#include "hub/api/idempotency.hpp"
#include "hub/events/purge.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/jobs/billing_job.hpp"
#include "hub/jobs/catalogue_job.hpp"
#include "hub/jobs/ledger_jobs.hpp"
#include "hub/jobs/programme_job.hpp"
#include "hub/notifications/purge.hpp"
#include "hub/wallet/holds.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::hub::jobs {
namespace {

constexpr std::string_view context = "jobs";
constexpr minutes look_every{1};

Task<Result<std::int64_t>> forget_sessions(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  co_return co_await db::write_for<std::int64_t>(parts.database, [now = *now](db::Transaction& transaction) {
    return identity::forget_ended_families(transaction, now);
  });
}

Task<Result<std::int64_t>> forget_cards(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  co_return co_await db::write_for<std::int64_t>(parts.database, [now = *now](db::Transaction& transaction) {
    return identity::drop_card_hashes(transaction, now);
  });
}

Task<Result<std::int64_t>> rotate_keys(const Parts& parts, std::string actor) {
  if (parts.keys_in_file)
    co_return fail(Errc::session_state, "the keys are in jwt.key_file: put a new one before them there");
  const WallTime now = parts.clock.wall_now();
  const auto fresh = identity::Es256Key::generate();
  const identity::AuditEntry entry{.id = parts.uuids.next(),
                                   .at = now,
                                   .actor = std::move(actor),
                                   .action = "keys.rotated",
                                   .subject = "key:" + fresh.id()};
  co_return co_await db::write_for<std::int64_t>(
      parts.database, [&](db::Transaction& transaction) -> Result<std::int64_t> {
        auto dropped = identity::rotate_signing_keys(transaction, fresh, now, parts.access_ttl);
        if (!dropped) return dropped;
        if (auto told = identity::append_audit(transaction, entry); !told) return failure(told);
        return 1 + *dropped;
      });
}

Task<Result<std::int64_t>> purge_answers(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  co_return co_await api::purge_answers(parts.database, *now);
}

Task<Result<std::int64_t>> purge_events(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  // An event goes when no delivery of it is left.
  if (auto purged = co_await webhooks::purge_all(parts.database, *now); !purged) co_return purged;
  co_return co_await events::purge_all(parts.database, *now);
}

Task<Result<std::int64_t>> purge_notifications(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  co_return co_await notifications::purge_all(parts.database, *now);
}

Task<Result<std::int64_t>> release_holds(const Parts& parts, std::string) {
  return wallet::release_all_overdue(parts.database, parts.clock.wall_now());
}

Task<Result<std::int64_t>> prize_leases(const Parts& parts, std::string) {
  const auto now = parts.guard.now_for_good();
  if (!now) co_return std::unexpected(now.error());
  auto granted = co_await wheel::keep_all_leases(parts.database, parts.clock, parts.uuids);
  // Whatever keeps the one from being done, the other is.
  const auto forgotten = co_await events::purge_in_steps(parts.database, *now - wheel::ended_spins_kept,
                                                         &wheel::forget_ended_spins);
  if (!forgotten && granted) co_return forgotten;
  co_return granted;
}

Task<Result<std::int64_t>> wheel_seeds(const Parts& parts, std::string) {
  return wheel::keep_seeds(parts.database, parts.clock, parts.guard, parts.rng);
}

constexpr bool for_good = true;
constexpr std::array jobs{
    Job{"catalogue", "takes promotions that are over from the stores, and puts there what is missing",
        hours{1}, std::nullopt, &refresh_catalogue},
    Job{"checkpoint", "writes down what system accounts come to, so that nobody sums their whole history",
        days{1}, hours{2}, &make_checkpoints},
    Job{"close-month", "writes down stores' statements of a month that is over, for good", days{1}, hours{5},
        &close_months, for_good},
    Job{"expire-points", "books points that have lapsed and tells members of those that soon will", days{1},
        hours{1}, &expire_points, for_good},
    Job{"forget-cards", "drops what stores know erased cards by, 40 days after all have forgotten them",
        days{1}, std::nullopt, &forget_cards, for_good},
    Job{"forget-sessions", "drops refresh families that ended more than a day ago", days{1}, std::nullopt,
        &forget_sessions, for_good},
    Job{"prize-leases", "leases units of stocked prizes to the stores that lack them", minutes{5},
        std::nullopt, &prize_leases},
    Job{"purge-answers", "forgets answers kept under an Idempotency-Key for 30 days", hours{1}, std::nullopt,
        &purge_answers, for_good},
    Job{"purge-events", "forgets domain events everybody is through with that are 30 days old", hours{1},
        std::nullopt, &purge_events, for_good},
    Job{"purge-notifications", "forgets notifications 400 days old, and mails 60 days after they were sent",
        days{1}, hours{4}, &purge_notifications, for_good},
    Job{"purge-programme", "forgets of prizes and promotions at tills what no store can tell of any more",
        days{1}, hours{6}, &purge_programme, for_good},
    Job{"release-holds", "gives free what wallets hold beyond its time; a serving hub does so every second",
        days{1}, std::nullopt, &release_holds},
    Job{"review-tiers", "works out anew what members have earned within 12 months", days{1}, hours{3},
        &review_tiers},
    Job{"rotate-keys", "makes a new signing key and drops those no token needs any more", days{90},
        std::nullopt, &rotate_keys},
    Job{"wheel-seeds", "commits to the wheel's seeds 30 days ahead and reveals those of days that are over",
        minutes{10}, std::nullopt, &wheel_seeds},
};

void tell_failed(const Parts& parts, const Job& job, const Error& error, ops::StandingFaults& faults) {
  if (!faults.is_news(std::string(job.name) + ' ' + error.detail, parts.clock.mono_now())) return;
  ops::log(ops::Level::warn, context, "job failed",
           {{"job", job.name}, {"error", name_of(error.code)}, {"detail", error.detail}});
}

Task<void> run_if_due(const Parts& parts, const Job& job, const Watch& watch, ops::StandingFaults& faults) {
  // Told elsewhere; the turn stays.
  if (job.for_good && !parts.guard.now_for_good()) co_return;
  const WallTime now = parts.clock.wall_now();
  const auto turn = co_await db::write_for<bool>(
      parts.database, [&job, now](db::Transaction& transaction) { return take_turn(transaction, job, now); });
  // A database that is away is told elsewhere; the turn stays.
  if (!turn || !*turn) co_return;
  auto done = co_await job.run(parts, "hub");
  if (done) {
    const auto noted = co_await parts.database.write(
        [&job, now](db::Transaction& transaction) { return note_success(transaction, job, now); });
    if (!noted) done = std::unexpected(noted.error());
  }
  if (watch.on_run) watch.on_run(job.name, done.has_value());
  if (!done) co_return tell_failed(parts, job, done.error(), faults);
  faults.over(std::string(job.name) + ' ');
  ops::log(ops::Level::info, context, "job done", {{"job", job.name}, {"count", *done}});
}

/// Also of runs at other replicas.
Task<void> tell_last_successes(const Parts& parts, const Watch& watch) {
  if (!watch.on_last_success) co_return;
  const auto rows = co_await db::read_for<db::Rows>(parts.database, [](db::Transaction& transaction) {
    return transaction.query("SELECT name, succeeded_at FROM job_run WHERE succeeded_at IS NOT NULL");
  });
  if (!rows) co_return;
  for (const db::Row& row : *rows) watch.on_last_success(row.text(0), WallTime{Millis{row.integer(1)}});
}

/// A turn that began then or earlier is followed by another one now.
WallTime late_since(const Job& job, WallTime now) {
  if (!job.at) return now - job.every;
  const Millis into = (now.time_since_epoch() - *job.at) % job.every;
  return now - into - Millis{1};
}

}  // namespace

std::span<const Job> all_jobs() {
  return jobs;
}

const Job* find_job(std::string_view name) {
  const auto* found = std::ranges::find(jobs, name, &Job::name);
  return found == jobs.end() ? nullptr : found;
}

Task<void> run_regularly(const Parts& parts, net::AsyncClock& clock, Watch watch) {
  ops::StandingFaults faults;
  while (true) {
    for (const Job& job : jobs) {
      if (job.run == &rotate_keys && parts.keys_in_file) continue;
      co_await run_if_due(parts, job, watch, faults);
    }
    co_await tell_last_successes(parts, watch);
    co_await clock.sleep(look_every);
  }
}

Result<bool> take_turn(db::Transaction& transaction, const Job& job, WallTime now) {
  const std::int64_t at = now.time_since_epoch().count();
  const std::string name(job.name);
  auto first = transaction.execute(
      "INSERT INTO job_run (name, began_at, succeeded_at) VALUES ($1, $2, $2) ON CONFLICT (name) DO NOTHING",
      {name, at});
  if (!first) return failure(first);
  if (*first == 1) return false;
  // A turn that lies far ahead is a wrong clock's.
  auto taken = transaction.execute(
      "UPDATE job_run SET began_at = $2 WHERE name = $1 AND (began_at <= $3 OR began_at > $5"
      " OR (succeeded_at < began_at AND began_at <= $4))",
      {name, at, late_since(job, now).time_since_epoch().count(),
       (now - retry_pause).time_since_epoch().count(), (now + clocks_apart).time_since_epoch().count()});
  if (!taken) return failure(taken);
  return *taken == 1;
}

Result<void> note_success(db::Transaction& transaction, const Job& job, WallTime began) {
  auto noted = transaction.execute(
      "INSERT INTO job_run (name, began_at, succeeded_at) VALUES ($1, $2, $2) ON CONFLICT (name)"
      " DO UPDATE SET began_at = excluded.began_at, succeeded_at = excluded.succeeded_at"
      " WHERE job_run.began_at <= excluded.began_at",
      {std::string(job.name), began.time_since_epoch().count()});
  if (!noted) return failure(noted);
  return {};
}

Result<void> note_backup(db::Transaction& transaction, WallTime began) {
  auto noted = transaction.execute(
      "INSERT INTO job_run (name, began_at, succeeded_at) VALUES ($1, $2, $2) ON CONFLICT (name)"
      " DO UPDATE SET began_at = excluded.began_at, succeeded_at = excluded.succeeded_at",
      {std::string(backup_name), began.time_since_epoch().count()});
  if (!noted) return failure(noted);
  return {};
}

}  // namespace perkline::hub::jobs
