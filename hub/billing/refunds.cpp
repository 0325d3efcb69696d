#include "hub/billing/refunds.hpp"

#include "hub/billing/due_payments.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::billing {
namespace {

const DuePayments due_ones("refund = 'due'");

}  // namespace

Result<void> begin_refund(db::Transaction& transaction, const Uuid& payment, WallTime now) {
  auto begun =
      transaction.execute("UPDATE payment SET refund = 'due', due_at = $2, attempts = 0 WHERE id = $1",
                          {payment.str(), stamp(now)});
  if (!begun) return failure(begun);
  return {};
}

Result<bool> is_any_refund_due(db::Transaction& transaction, WallTime now) {
  return due_ones.is_any(transaction, now);
}

Result<std::vector<Refund>> claim_refunds(db::Transaction& transaction, WallTime now, Millis lease,
                                          std::int64_t count) {
  auto rows = due_ones.claim(transaction, "id, reference, attempts", now, lease, count);
  if (!rows) return failure(rows);
  std::vector<Refund> refunds;
  for (const db::Row& row : *rows) {
    const auto id = parse_uuid(row.text(0));
    if (!id) return fail(Errc::corrupt, "payment " + row.text(0) + " is none");
    refunds.push_back({.payment = *id, .reference = row.text(1), .asked = row.integer(2)});
  }
  return refunds;
}

Result<void> put_off_refund(db::Transaction& transaction, const Uuid& payment, WallTime due) {
  return due_ones.put_off(transaction, payment, due);
}

Result<bool> end_refund(db::Transaction& transaction, const Uuid& payment, std::string_view outcome) {
  auto ended = transaction.execute("UPDATE payment SET refund = $2 WHERE id = $1 AND refund = 'due'",
                                   {payment.str(), std::string(outcome)});
  if (!ended) return failure(ended);
  return *ended == 1;
}

}  // namespace perkline::hub::billing
