#include "hub/notifications/purge.hpp"

#include <string_view>

#include "shared/core/stamp.hpp"

namespace perkline::hub::notifications {
namespace {

/// So that no transaction keeps others waiting for long.
constexpr std::int64_t at_once = 500;

constexpr std::string_view drop_mails =
    "DELETE FROM notification_mail WHERE id IN (SELECT id FROM notification_mail"
    " WHERE decided_at < $1 ORDER BY decided_at, id LIMIT $2)";

struct Step {
  std::int64_t gone = 0;
  std::int64_t through = 0;  ///< Up to which id.
  bool last = false;
};

/// The next ones in the order of their making, up to where they are too young to go. What a clock that was
/// ahead has made says nothing of those behind it.
Result<Step> drop_notifications(db::Transaction& transaction, std::int64_t after, WallTime now) {
  const std::int64_t before = stamp(now - keep_notifications);
  auto rows = transaction.query("SELECT id, created_at FROM notification WHERE id > $1 ORDER BY id LIMIT $2",
                                {after, at_once});
  if (!rows) return failure(rows);
  if (rows->empty()) return Step{.last = true};
  Step step{.through = rows->back().integer(0), .last = std::ssize(*rows) < at_once};
  for (const db::Row& row : *rows) {
    const std::int64_t made = row.integer(1);
    if (made >= before && made <= stamp(now)) step.last = true;
  }
  auto gone = transaction.execute("DELETE FROM notification WHERE id > $1 AND id <= $2 AND created_at < $3",
                                  {after, step.through, before});
  if (!gone) return failure(gone);
  step.gone = *gone;
  return step;
}

Task<Result<std::int64_t>> purge_notifications(db::Database& database, WallTime now) {
  std::int64_t gone = 0;
  Step step;
  while (!step.last) {
    const auto done =
        co_await db::write_for<Step>(database, [after = step.through, now](db::Transaction& transaction) {
          return drop_notifications(transaction, after, now);
        });
    if (!done) co_return std::unexpected(done.error());
    step = *done;
    gone += step.gone;
  }
  co_return gone;
}

Task<Result<std::int64_t>> in_steps(db::Database& database, WallTime before, std::string_view sql) {
  std::int64_t gone = 0;
  while (true) {
    const auto step =
        co_await db::write_for<std::int64_t>(database, [sql, before](db::Transaction& transaction) {
          return transaction.execute(sql, {before.time_since_epoch().count(), at_once});
        });
    if (!step) co_return std::unexpected(step.error());
    gone += *step;
    if (*step < at_once) co_return gone;
  }
}

}  // namespace

Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now) {
  auto notifications = co_await purge_notifications(database, now);
  if (!notifications) co_return notifications;
  const auto mails = co_await in_steps(database, now - keep_mails, drop_mails);
  if (!mails) co_return std::unexpected(mails.error());
  co_return *notifications + *mails;
}

}  // namespace perkline::hub::notifications
