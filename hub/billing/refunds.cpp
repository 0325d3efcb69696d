#include "hub/billing/refunds.hpp"

#include "hub/billing/payments.hpp"
#include "hub/db/bulk_statement.hpp"
#include "hub/db/due.hpp"

namespace perkline::hub::billing {
namespace {

const std::string is_due = " WHERE refund = 'due' AND " + db::is_due("due_at", "$1", "$2");

std::int64_t stamp(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

Result<void> begin_refund(db::Transaction& transaction, const Uuid& payment, WallTime now) {
  auto begun =
      transaction.execute("UPDATE payment SET refund = 'due', due_at = $2, attempts = 0 WHERE id = $1",
                          {payment.str(), stamp(now)});
  if (!begun) return failure(begun);
  return {};
}

Result<bool> is_any_refund_due(db::Transaction& transaction, WallTime now) {
  auto rows = transaction.query("SELECT 1 FROM payment" + is_due + " LIMIT 1",
                                {stamp(now), db::beyond(now, put_off_max)});
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<std::vector<Refund>> claim_refunds(db::Transaction& transaction, WallTime now, Millis lease,
                                          std::int64_t count) {
  static const db::BulkStatement lease_them(
      "UPDATE payment SET due_at = $1, attempts = attempts + 1 WHERE id IN (", "?", ")", 1);
  std::string text = "SELECT id, reference, attempts FROM payment" + is_due +
                     " ORDER BY due_at, id LIMIT $3" + std::string(transaction.for_update());
  // What another one claims at this moment is not waited for.
  if (!transaction.for_update().empty()) text += " SKIP LOCKED";
  auto rows = transaction.query(text, {stamp(now), db::beyond(now, put_off_max), count});
  if (!rows) return failure(rows);
  std::vector<Refund> refunds;
  std::vector<db::Value> ids;
  for (const db::Row& row : *rows) {
    const auto id = parse_uuid(row.text(0));
    if (!id) return fail(Errc::corrupt, "payment " + row.text(0) + " is none");
    ids.emplace_back(row.text(0));
    refunds.push_back({.payment = *id, .reference = row.text(1), .asked = row.integer(2)});
  }
  if (auto leased = lease_them.run(transaction, std::move(ids), {stamp(now + lease)}); !leased)
    return failure(leased);
  return refunds;
}

Result<void> put_off_refund(db::Transaction& transaction, const Uuid& payment, WallTime due) {
  auto done = transaction.execute("UPDATE payment SET due_at = $2 WHERE id = $1 AND refund = 'due'",
                                  {payment.str(), stamp(due)});
  if (!done) return failure(done);
  return {};
}

Result<bool> end_refund(db::Transaction& transaction, const Uuid& payment, std::string_view outcome) {
  auto ended = transaction.execute("UPDATE payment SET refund = $2 WHERE id = $1 AND refund = 'due'",
                                   {payment.str(), std::string(outcome)});
  if (!ended) return failure(ended);
  return *ended == 1;
}

}  // namespace perkline::hub::billing
