#include "hub/downlink/member_changes.hpp"

#include <algorithm>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::downlink {
namespace {

std::vector<db::Value> values_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

/// What ends the statement is the same for every engine that needs it at all.
Result<void> hold(db::Transaction& transaction, const std::vector<std::string>& cards) {
  if (transaction.for_update().empty()) return {};
  static const db::BulkStatement statement("SELECT customer_id FROM member WHERE customer_id IN (", "?",
                                           ") ORDER BY customer_id" + std::string(transaction.for_update()));
  auto held = statement.run(transaction, values_of(cards));
  if (!held) return failure(held);
  return {};
}

}  // namespace

Result<void> note_members_changed(db::Transaction& transaction, const std::vector<std::string>& users) {
  static const db::BulkStatement find_cards(
      "SELECT loyalty_id FROM users WHERE loyalty_verified = 1 AND loyalty_id IS NOT NULL AND id IN (", "?",
      ")");
  static const db::BulkStatement change("UPDATE member SET down_position = NULL WHERE customer_id IN (", "?",
                                        ")");
  auto rows = find_cards.run(transaction, values_of(users));
  if (!rows) return failure(rows);
  std::vector<std::string> cards;
  cards.reserve(rows->size());
  for (const db::Row& row : *rows) cards.push_back(row.text(0));
  std::ranges::sort(cards);
  if (auto held = hold(transaction, cards); !held) return held;
  auto changed = change.run(transaction, values_of(cards));
  if (!changed) return failure(changed);
  return {};
}

}  // namespace perkline::hub::downlink
