#include "hub/points/card_owners.hpp"

#include <set>
#include <vector>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::points {

Result<std::unordered_map<CustomerId, UserId>> owners_of_cards(db::Transaction& transaction,
                                                               std::span<const CustomerId> cards) {
  static const db::BulkStatement find(
      "SELECT loyalty_id, id FROM users WHERE loyalty_verified = 1 AND loyalty_id IN (", "?", ")");
  const std::set<CustomerId> each(cards.begin(), cards.end());
  std::vector<db::Value> values;
  for (const CustomerId& card : each) values.emplace_back(card.str());
  auto rows = find.run(transaction, std::move(values));
  if (!rows) return failure(rows);
  std::unordered_map<CustomerId, UserId> owners;
  for (const db::Row& row : *rows) owners.emplace(CustomerId(row.text(0)), UserId(row.text(1)));
  return owners;
}

}  // namespace perkline::hub::points
