#include "hub/notifications/notifications.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace perkline::hub::notifications {
namespace {

constexpr std::size_t id_digits = 16;

constexpr std::string_view select =
    "SELECT id, type, event_type, content, is_read, created_at FROM notification";

Result<std::vector<Notification>> notifications_in(Result<db::Rows> rows) {
  if (!rows) return failure(rows);
  std::vector<Notification> found;
  for (const db::Row& row : *rows) {
    found.push_back({.id = row.integer(0),
                     .type = row.text(1),
                     .event_type = row.text(2),
                     .content = row.text(3),
                     .read = row.integer(4) != 0,
                     .created_at = WallTime{Millis{row.integer(5)}}});
  }
  return found;
}

}  // namespace

std::string id_text(std::int64_t id) {
  return fmt::format("{:016}", id);
}

std::optional<std::int64_t> id_in(std::string_view text) {
  if (text.size() != id_digits) return std::nullopt;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id < 0) return std::nullopt;
  return id;
}

void write_notification(json::Writer& out, const Notification& notification) {
  out.begin_object().field("id", id_text(notification.id)).field("type", notification.type);
  out.field("eventType", notification.event_type).key("content").raw(notification.content);
  out.field("read", notification.read).field("createdAt", format_time(notification.created_at)).end_object();
}

Result<std::vector<Notification>> newest(db::Transaction& transaction, const UserId& user,
                                         const Filter& filter, std::int64_t before, std::int64_t limit) {
  std::string sql = std::string(select) + " WHERE user_id = $1 AND id < $2";
  std::vector<db::Value> parameters{user.str(), before, limit};
  if (filter.unread) sql += " AND is_read = 0";
  if (filter.type) {
    sql += " AND type = $4";
    parameters.emplace_back(*filter.type);
  }
  sql += " ORDER BY id DESC LIMIT $3";
  return notifications_in(transaction.query(sql, std::move(parameters)));
}

Result<std::vector<Notification>> following(db::Transaction& transaction, const UserId& user,
                                            std::int64_t after, std::int64_t limit) {
  return notifications_in(
      transaction.query(std::string(select) + " WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                        {user.str(), after, limit}));
}

Result<std::int64_t> last_id(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT last FROM notification_sequence WHERE id = 1");
  if (!rows) return failure(rows);
  return rows->at(0).integer(0);
}

Result<void> skip_ids(db::Transaction& transaction) {
  // More than any hub makes in the years that a backup may be old.
  constexpr std::int64_t skipped = 1'000'000'000;
  auto moved =
      transaction.execute("UPDATE notification_sequence SET last = last + $1 WHERE id = 1", {skipped});
  if (!moved) return failure(moved);
  return {};
}

Result<bool> mark_read(db::Transaction& transaction, const UserId& user, std::int64_t id) {
  auto marked = transaction.execute("UPDATE notification SET is_read = 1 WHERE id = $1 AND user_id = $2",
                                    {id, user.str()});
  if (!marked) return failure(marked);
  return *marked == 1;
}

Result<void> mark_all_read(db::Transaction& transaction, const UserId& user) {
  auto marked = transaction.execute("UPDATE notification SET is_read = 1 WHERE user_id = $1 AND is_read = 0",
                                    {user.str()});
  if (!marked) return failure(marked);
  return {};
}

}  // namespace perkline::hub::notifications
