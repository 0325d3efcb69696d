#include "hub/points/notes.hpp"

#include <vector>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::points {

Result<void> keep_note(db::Transaction& transaction, const std::string& external_id, const UserId& user,
                       const std::string& note) {
  auto kept = transaction.execute("INSERT INTO points_note (external_id, user_id, note) VALUES ($1, $2, $3)",
                                  {external_id, user.str(), note});
  if (!kept) return failure(kept);
  return {};
}

Result<Notes> notes_of(db::Transaction& transaction, std::span<const ledger::Entry> entries) {
  static const db::BulkStatement find("SELECT external_id, note FROM points_note WHERE external_id IN (", "?",
                                      ")");
  std::vector<db::Value> ids;
  for (const ledger::Entry& entry : entries) ids.emplace_back(entry.external_id);
  auto rows = find.run(transaction, std::move(ids));
  if (!rows) return failure(rows);
  Notes notes;
  for (const db::Row& row : *rows) notes.emplace(row.text(0), row.text(1));
  return notes;
}

std::string reason_of(const ledger::Entry& entry, const Notes& notes) {
  const auto note = notes.find(entry.external_id);
  return note == notes.end() ? entry.code : note->second;
}

Result<void> write_notes(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT external_id, note FROM points_note WHERE user_id = $1 ORDER BY external_id", {user.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows)
    out.begin_object().field("externalId", row.text(0)).field("note", row.text(1)).end_object();
  out.end_array();
  return {};
}

Result<void> erase_notes(db::Transaction& transaction, const UserId& user) {
  auto erased = transaction.execute("DELETE FROM points_note WHERE user_id = $1", {user.str()});
  if (!erased) return failure(erased);
  return {};
}

}  // namespace perkline::hub::points
