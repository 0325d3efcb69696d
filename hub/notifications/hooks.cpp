#include "hub/notifications/hooks.hpp"

#include "hub/notifications/notifications.hpp"
#include "hub/notifications/preferences.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::int64_t page = 1'000;

Result<void> write_told(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  out.key("items").begin_array();
  std::int64_t after = 0;
  while (true) {
    auto found = following(transaction, user, after, page);
    if (!found) return failure(found);
    for (const Notification& notification : *found) write_notification(out, notification);
    if (std::ssize(*found) < page) break;
    after = found->back().id;
  }
  out.end_array();
  return {};
}

Result<void> write_mails(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT id, template, subject, body, state, created_at FROM notification_mail WHERE user_id = $1"
      " ORDER BY id",
      {user.str()});
  if (!rows) return failure(rows);
  out.key("mails").begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("id", row.text(0)).field("template", row.text(1)).field("subject", row.text(2));
    out.field("body", row.text(3)).field("state", row.text(4));
    out.field("createdAt", format_time(WallTime{Millis{row.integer(5)}})).end_object();
  }
  out.end_array();
  return {};
}

Result<void> write_held(db::Transaction& transaction, const identity::User& user, json::Writer& out) {
  const auto preferences = preferences_of(transaction, user.id);
  if (!preferences) return std::unexpected(preferences.error());
  out.begin_object().key("preferences");
  write_preferences(out, *preferences);
  if (auto written = write_told(transaction, user.id, out); !written) return written;
  if (auto written = write_mails(transaction, user.id, out); !written) return written;
  out.end_object();
  return {};
}

Result<void> erase(db::Transaction& transaction, const identity::Erased& erased) {
  for (const char* sql :
       {"DELETE FROM notification WHERE user_id = $1", "DELETE FROM notification_mail WHERE user_id = $1",
        "DELETE FROM notification_preference WHERE user_id = $1"}) {
    auto dropped = transaction.execute(sql, {erased.user.id.str()});
    if (!dropped) return failure(dropped);
  }
  return {};
}

}  // namespace

void add_hooks(identity::UserHooks& hooks) {
  hooks.exports.push_back({.name = "notifications", .write = &write_held});
  hooks.erased.emplace_back(&erase);
}

}  // namespace perkline::hub::notifications
