#include "hub/ingest/known_sales.hpp"

#include <set>
#include <vector>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::ingest {
namespace {

constexpr std::string_view head =
    "SELECT session_id, store_id, transaction_id, customer_id, currency, amount, state, earned, redeemed,"
    " points_due FROM sale WHERE session_id IN (";

/// Several are locked in the order of their names, as by everybody.
const db::BulkStatement& statement_for(const db::Transaction& transaction) {
  static const db::BulkStatement find(head, "?", ")");
  if (transaction.for_update().empty()) return find;
  static const db::BulkStatement lock(head, "?",
                                      ") ORDER BY session_id" + std::string(transaction.for_update()));
  return lock;
}

}  // namespace

Result<KnownSales> find_known_sales(db::Transaction& transaction, std::span<const SessionId> sessions) {
  if (sessions.empty()) return KnownSales{};
  const std::set<SessionId> each(sessions.begin(), sessions.end());
  std::vector<db::Value> names;
  for (const SessionId& session : each) names.emplace_back(session.str());
  auto rows = statement_for(transaction).run(transaction, std::move(names));
  if (!rows) return failure(rows);
  KnownSales known;
  for (const db::Row& row : *rows) {
    known.emplace(SessionId(row.text(0)), KnownSale{.store = StoreId(row.text(1)),
                                                    .transaction = TransactionId(row.text(2)),
                                                    .customer = CustomerId(row.text(3)),
                                                    .currency = row.text(4),
                                                    .amount = row.integer(5),
                                                    .state = row.text(6),
                                                    .earned = row.integer(7),
                                                    .redeemed = row.integer(8),
                                                    .points_due = row.integer(9)});
  }
  return known;
}

}  // namespace perkline::hub::ingest
