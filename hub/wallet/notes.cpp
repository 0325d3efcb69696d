#include "hub/wallet/notes.hpp"

#include "hub/db/bulk_statement.hpp"
#include "hub/identity/user.hpp"

namespace perkline::hub::wallet {

Result<void> keep_note(db::Transaction& transaction, const Note& note) {
  if (note.text.empty()) return {};
  // Whoever erases the user holds the user's row: what is written here is there by then, or finds nobody.
  const auto user = identity::hold_user(transaction, note.user);
  if (!user) return std::unexpected(user.error());
  if (!*user) return fail(Errc::not_found, "no such member");
  auto kept = transaction.execute("INSERT INTO wallet_note (transfer_id, user_id, note) VALUES ($1, $2, $3)",
                                  {note.transfer, note.user.str(), note.text});
  if (!kept) return failure(kept);
  return {};
}

Result<std::map<std::string, std::string>> notes_of(db::Transaction& transaction,
                                                    const std::vector<std::string>& transfers) {
  static const db::BulkStatement find("SELECT transfer_id, note FROM wallet_note WHERE transfer_id IN (", "?",
                                      ")");
  auto rows = find.run(transaction, std::vector<db::Value>(transfers.begin(), transfers.end()));
  if (!rows) return failure(rows);
  std::map<std::string, std::string> notes;
  for (const db::Row& row : *rows) notes.emplace(row.text(0), row.text(1));
  return notes;
}

Result<void> erase_notes(db::Transaction& transaction, const UserId& user) {
  auto erased = transaction.execute("DELETE FROM wallet_note WHERE user_id = $1", {user.str()});
  if (!erased) return failure(erased);
  return {};
}

}  // namespace perkline::hub::wallet
