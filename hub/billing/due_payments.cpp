#include "hub/billing/due_payments.hpp"

#include "hub/billing/payments.hpp"
#include "hub/db/bulk_statement.hpp"
#include "hub/db/due.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::billing {
namespace {

/// now and beyond() are `$1` and `$2`.
std::string from_due(const std::string& which) {
  return " FROM payment WHERE " + which + " AND " + db::is_due("due_at", "$1", "$2");
}

}  // namespace

Result<bool> DuePayments::is_any(db::Transaction& transaction, WallTime now) const {
  auto rows = transaction.query("SELECT 1" + from_due(which_) + " LIMIT 1",
                                {stamp(now), db::beyond(now, put_off_max)});
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<db::Rows> DuePayments::claim(db::Transaction& transaction, std::string_view columns, WallTime now,
                                    Millis lease, std::int64_t count) const {
  static const db::BulkStatement lease_them(
      "UPDATE payment SET due_at = $1, attempts = attempts + 1 WHERE id IN (", "?", ")", 1);
  std::string text = "SELECT " + std::string(columns) + from_due(which_) + " ORDER BY due_at, id LIMIT $3" +
                     std::string(transaction.for_update());
  // What another one claims at this moment is not waited for.
  if (!transaction.for_update().empty()) text += " SKIP LOCKED";
  auto rows = transaction.query(text, {stamp(now), db::beyond(now, put_off_max), count});
  if (!rows) return rows;
  std::vector<db::Value> ids;
  for (const db::Row& row : *rows) ids.emplace_back(row.text(0));
  if (auto leased = lease_them.run(transaction, std::move(ids), {stamp(now + lease)}); !leased) return leased;
  return rows;
}

Result<void> DuePayments::put_off(db::Transaction& transaction, const Uuid& payment, WallTime due) const {
  auto done = transaction.execute("UPDATE payment SET due_at = $2 WHERE id = $1 AND " + which_,
                                  {payment.str(), stamp(due)});
  if (!done) return failure(done);
  return {};
}

}  // namespace perkline::hub::billing
