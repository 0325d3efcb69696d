#include "hub/jobs/ledger_jobs.hpp"

#include <optional>
#include <vector>

#include "hub/ledger/checkpoints.hpp"
#include "hub/ledger/lots.hpp"
#include "hub/points/expiry.hpp"
#include "hub/points/tiers.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::jobs {
namespace {

/// So that no transaction keeps others waiting for long.
constexpr std::size_t lots_at_once = 100;
constexpr std::int64_t announced_at_once = 200;
constexpr std::int64_t users_at_once = 100;
constexpr std::int64_t accounts_at_once = 50;

points::Cause cause_of(const Parts& parts) {
  return {.id = parts.uuids.next(), .at = parts.clock.wall_now()};
}

Task<Result<std::int64_t>> lapse_all(const Parts& parts) {
  std::int64_t lapsed = 0;
  while (true) {
    std::vector<Uuid> ids(lots_at_once);
    for (Uuid& id : ids) id = parts.uuids.next();
    const auto now = parts.guard.now_for_good();
    if (!now) co_return std::unexpected(now.error());
    auto some = co_await db::write_for<std::vector<ledger::Lapsed>>(
        parts.database, [now = *now, &ids](db::Transaction& t) { return ledger::lapse_lots(t, now, ids); });
    if (!some) co_return failure(some);
    for (const ledger::Lapsed& each : *some) lapsed += each.amount > 0 ? 1 : 0;
    if (some->size() < lots_at_once) co_return lapsed;
  }
}

Task<Result<std::int64_t>> announce_all(const Parts& parts) {
  std::int64_t announced = 0;
  while (true) {
    const points::Cause cause = cause_of(parts);
    const auto some = co_await db::write_for<points::ExpiryStep>(
        parts.database,
        [&cause](db::Transaction& t) { return points::announce_expiry(t, cause, announced_at_once); });
    if (!some) co_return std::unexpected(some.error());
    announced += some->lots;
    if (!some->any_left) co_return announced;
  }
}

}  // namespace

Task<Result<std::int64_t>> expire_points(const Parts& parts, std::string) {
  const auto lapsed = co_await lapse_all(parts);
  if (!lapsed) co_return std::unexpected(lapsed.error());
  const auto announced = co_await announce_all(parts);
  if (!announced) co_return std::unexpected(announced.error());
  co_return *lapsed + *announced;
}

Task<Result<std::int64_t>> review_tiers(const Parts& parts, std::string) {
  std::int64_t changed = 0;
  std::optional<std::string> behind = "";
  while (behind) {
    const points::Cause cause = cause_of(parts);
    auto step = co_await db::write_for<points::TierStep>(parts.database, [&](db::Transaction& t) {
      return points::review_tiers(t, parts.terms, cause, *behind, users_at_once);
    });
    if (!step) co_return failure(step);
    changed += step->changed;
    behind = std::move(step->last_user);
  }
  co_return changed;
}

Task<Result<std::int64_t>> make_checkpoints(const Parts& parts, std::string) {
  const auto through = co_await db::read_for<std::int64_t>(
      parts.database, [](db::Transaction& t) { return ledger::newest_entry(t); });
  if (!through) co_return std::unexpected(through.error());
  const auto settled = co_await parts.database.write([](db::Transaction& t) { return t.outlast_others(); });
  if (!settled) co_return std::unexpected(settled.error());
  std::int64_t made = 0;
  std::optional<std::int64_t> behind = 0;
  while (behind) {
    const WallTime now = parts.clock.wall_now();
    const auto step = co_await db::write_for<ledger::CheckpointStep>(
        parts.database, [now, through = *through, after = *behind](db::Transaction& t) {
          return ledger::checkpoint_accounts(t, through, now, after, accounts_at_once);
        });
    if (!step) co_return std::unexpected(step.error());
    for (const std::int64_t account : step->too_large)
      ops::log(ops::Level::error, "jobs", "an account goes without a checkpoint: its sum leaves 64 bits",
               {{"account", account}});
    made += step->made;
    behind = step->last_account;
  }
  co_return made;
}

}  // namespace perkline::hub::jobs
