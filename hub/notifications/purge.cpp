#include "hub/notifications/purge.hpp"

#include <string_view>

namespace perkline::hub::notifications {
namespace {

/// So that no transaction keeps others waiting for long.
constexpr std::int64_t at_once = 500;

// In the order of their making, so that a look ends soon where nothing is old.
constexpr std::string_view drop_notifications =
    "DELETE FROM notification WHERE created_at < $1 AND id IN (SELECT id FROM notification ORDER BY id LIMIT "
    "$2)";
constexpr std::string_view drop_mails =
    "DELETE FROM notification_mail WHERE id IN (SELECT id FROM notification_mail"
    " WHERE decided_at < $1 ORDER BY decided_at, id LIMIT $2)";

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
  auto notifications = co_await in_steps(database, now - keep_notifications, drop_notifications);
  if (!notifications) co_return notifications;
  const auto mails = co_await in_steps(database, now - keep_mails, drop_mails);
  if (!mails) co_return std::unexpected(mails.error());
  co_return *notifications + *mails;
}

}  // namespace perkline::hub::notifications
