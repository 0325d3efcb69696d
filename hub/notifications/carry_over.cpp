#include "hub/notifications/carry_over.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/notifications/notifier.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::string_view give_up =
    "UPDATE notification_mail SET state = 'discarded', subject = '', body = '', lease = '', leased_until = 0,"
    " reason = 'the hub was restored from a backup', decided_at = $1 WHERE state = 'waiting'";

std::vector<db::Value> first_columns(const db::Rows& rows) {
  std::vector<db::Value> values;
  for (const db::Row& row : rows) values.emplace_back(row.text(0));
  return values;
}

Result<void> give_up_decided(db::Transaction& restored, db::Transaction& before, WallTime now) {
  static const db::BulkStatement find(
      "SELECT id FROM notification_mail WHERE state IN ('sent', 'discarded') AND id IN (", "?", ")");
  static const db::BulkStatement decide(std::string(give_up) + " AND id IN (", "?", ")", 1);
  auto waiting = restored.query("SELECT id FROM notification_mail WHERE state = 'waiting'");
  if (!waiting) return failure(waiting);
  const auto decided = find.run(before, first_columns(*waiting));
  if (!decided) return std::unexpected(decided.error());
  if (auto done = decide.run(restored, first_columns(*decided), {stamp(now)}); !done) return failure(done);
  return {};
}

/// So that none is made of events which the notifier has not taken yet.
Result<void> note_made_since(db::Transaction& restored, db::Transaction& before, WallTime now) {
  static const db::BulkStatement find(
      "SELECT id, event_id, user_id, template, created_at FROM notification_mail WHERE state IN ('sent',"
      " 'discarded') AND event_id IN (",
      "?", ")");
  static const db::BulkStatement note(
      "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, next_at,"
      " created_at, decided_at, reason) VALUES ",
      "(?, ?, ?, ?, '', '', 'discarded', ?, ?, ?, 'the hub was restored from a backup')",
      " ON CONFLICT DO NOTHING");
  auto events = restored.query(
      "SELECT id FROM event_outbox WHERE position IS NULL OR position > (SELECT position FROM event_consumer"
      " WHERE name = $1)",
      {std::string(consumer_name)});
  if (!events) return failure(events);
  const auto made = find.run(before, first_columns(*events));
  if (!made) return std::unexpected(made.error());
  std::vector<db::Value> rows;
  for (const db::Row& mail : *made) {
    db::append_row(rows, mail.text(0), mail.text(1), mail.text(2), mail.text(3), mail.integer(4),
                   mail.integer(4), stamp(now));
  }
  if (auto noted = note.run(restored, std::move(rows)); !noted) return failure(noted);
  return {};
}

}  // namespace

Result<void> carry_over_mails(db::Transaction& restored, db::Transaction& before, WallTime now) {
  if (auto done = give_up_decided(restored, before, now); !done) return done;
  return note_made_since(restored, before, now);
}

Result<void> discard_waiting_mails(db::Transaction& restored, WallTime now) {
  auto done = restored.execute(give_up, {stamp(now)});
  if (!done) return failure(done);
  return {};
}

}  // namespace perkline::hub::notifications
