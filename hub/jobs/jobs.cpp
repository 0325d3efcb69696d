#include "hub/jobs/jobs.hpp"

#include <algorithm>
#include <array>

#include "hub/api/idempotency.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/wallet/holds.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::jobs {
namespace {

constexpr std::string_view context = "jobs";
constexpr minutes look_every{1};

Task<Result<std::int64_t>> forget_sessions(const Parts& parts, std::string) {
  const WallTime now = parts.clock.wall_now();
  co_return co_await db::write_for<std::int64_t>(parts.database, [now](db::Transaction& transaction) {
    return identity::forget_ended_families(transaction, now);
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
  return api::purge_answers(parts.database, parts.clock.wall_now());
}

Task<Result<std::int64_t>> release_holds(const Parts& parts, std::string) {
  return wallet::release_all_overdue(parts.database, parts.clock.wall_now());
}

constexpr std::array jobs{
    Job{"forget-sessions", "drops refresh families that ended more than a day ago", days{1},
        &forget_sessions},
    Job{"purge-answers", "forgets answers kept under an Idempotency-Key for 30 days", hours{1},
        &purge_answers},
    Job{"release-holds", "gives free what wallets hold beyond its time; a serving hub does so every second",
        days{1}, &release_holds},
    Job{"rotate-keys", "makes a new signing key and drops those no token needs any more", days{90},
        &rotate_keys},
};

Task<void> run_if_due(const Parts& parts, const Job& job) {
  const WallTime now = parts.clock.wall_now();
  const auto turn = co_await db::write_for<bool>(
      parts.database, [&job, now](db::Transaction& transaction) { return take_turn(transaction, job, now); });
  // A database that is away is told elsewhere; the turn stays.
  if (!turn || !*turn) co_return;
  const auto done = co_await job.run(parts, "hub");
  if (done) {
    ops::log(ops::Level::info, context, "job done", {{"job", job.name}, {"count", *done}});
  } else {
    ops::log(ops::Level::warn, context, "job failed",
             {{"job", job.name}, {"error", name_of(done.error().code)}, {"detail", done.error().detail}});
  }
}

}  // namespace

std::span<const Job> all_jobs() {
  return jobs;
}

const Job* find_job(std::string_view name) {
  const auto* found = std::ranges::find(jobs, name, &Job::name);
  return found == jobs.end() ? nullptr : found;
}

Task<void> run_regularly(const Parts& parts, net::AsyncClock& clock) {
  while (true) {
    for (const Job& job : jobs) {
      if (job.run == &rotate_keys && parts.keys_in_file) continue;
      co_await run_if_due(parts, job);
    }
    co_await clock.sleep(look_every);
  }
}

Result<bool> take_turn(db::Transaction& transaction, const Job& job, WallTime now) {
  const std::int64_t at = now.time_since_epoch().count();
  const std::string name(job.name);
  auto first = transaction.execute(
      "INSERT INTO job_run (name, began_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", {name, at});
  if (!first) return failure(first);
  if (*first == 1) return false;
  // A turn that lies ahead is a wrong clock's.
  auto taken = transaction.execute(
      "UPDATE job_run SET began_at = $2 WHERE name = $1 AND (began_at <= $3 OR began_at > $2)",
      {name, at, at - Millis(job.every).count()});
  if (!taken) return failure(taken);
  return *taken == 1;
}

}  // namespace perkline::hub::jobs
