#include "hub/ledger/holds.hpp"

#include <map>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/history.hpp"
#include "hub/ledger/posting.hpp"

namespace perkline::hub::ledger {
namespace {

using db::BulkStatement;
using db::Value;

const BulkStatement& find_pending() {
  static const BulkStatement statement("SELECT debit_account FROM transfer WHERE external_id IN (", "?",
                                       ") AND state = 'pending'");
  return statement;
}

const BulkStatement& release_transfers() {
  static const BulkStatement statement("UPDATE transfer SET state = 'released' WHERE external_id IN (", "?",
                                       ") AND state = 'pending' RETURNING debit_account, amount");
  return statement;
}

/// Both engines name the columns of a VALUES list so; the casts tell PostgreSQL the parameters' type.
const BulkStatement& release_held() {
  static const BulkStatement statement("UPDATE account SET held = account.held - freed.column2 FROM (VALUES ",
                                       "(CAST(? AS BIGINT), CAST(? AS BIGINT))",
                                       ") AS freed WHERE account.id = freed.column1 AND account.keeps_balance"
                                       " = 1");
  return statement;
}

/// Accounts are locked before the transfers that name them, as wherever transfers are posted.
Result<void> lock_debtors(db::Transaction& transaction, const std::vector<Value>& external_ids) {
  if (transaction.for_update().empty()) return {};
  auto rows = find_pending().run(transaction, external_ids);
  if (!rows) return failure(rows);
  std::vector<std::int64_t> accounts;
  for (const db::Row& row : *rows) accounts.push_back(row.integer(0));
  return lock_accounts(transaction, std::move(accounts));
}

/// Ends the hold, unless it has ended or its time is over. Whether this did.
Result<bool> end_by_capture(db::Transaction& transaction, const TransferRecord& hold, WallTime now) {
  auto ended = transaction.execute(
      "UPDATE transfer SET state = 'captured' WHERE seq = $1 AND state = 'pending'"
      " AND (expires_at IS NULL OR expires_at > $2)",
      {hold.sequence, now.time_since_epoch().count()});
  if (!ended) return failure(ended);
  return *ended == 1;
}

/// Of a hold that this capture did not end: an earlier one under its external id, or too late.
Result<void> must_be_captured(db::Transaction& transaction, const Transfer& captured, AccountBook& book,
                              const Links& links) {
  const auto earlier = find_transfer(transaction, captured.external_id);
  if (!earlier) return std::unexpected(earlier.error());
  if (!*earlier) return fail(Errc::session_state, "the hold is not open any more");
  return must_be_known(transaction, captured, book, As::posted, links);
}

}  // namespace

Result<void> hold_all(db::Transaction& transaction, std::span<const Transfer> transfers) {
  auto book = AccountBook::load(transaction, transfers);
  if (!book) return failure(book);
  auto inserted = insert_new(transaction, transfers, *book, As::pending);
  if (!inserted) return failure(inserted);
  for (const Transfer& transfer : transfers) {
    const bool is_new = !inserted->extract(transfer.external_id).empty();
    auto done = is_new ? book->hold(transfer.debit, transfer.amount)
                       : must_be_known(transaction, transfer, *book, As::pending);
    if (!done) return done;
  }
  return book->save(transaction);
}

Result<void> hold(db::Transaction& transaction, const Transfer& transfer) {
  return hold_all(transaction, std::span(&transfer, 1));
}

Result<std::int64_t> capture(db::Transaction& transaction, const Capture& capture) {
  const auto found = find_transfer(transaction, capture.hold);
  if (!found) return std::unexpected(found.error());
  // A posted transfer never was a hold.
  if (!*found || (*found)->state == "posted") return fail(Errc::not_found, "no such hold");
  const TransferRecord& hold = **found;
  const Transfer captured{.id = capture.id,
                          .external_id = capture.external_id,
                          .debit = hold.debit,
                          .credit = hold.credit,
                          .amount = capture.amount.value_or(hold.amount),
                          .code = capture.code,
                          .created_at = capture.created_at,
                          .meta = capture.meta};
  const Links links{.pending_of = hold.sequence};
  auto book = AccountBook::load(transaction, {&captured, 1});
  if (!book) return failure(book);
  const auto ended = end_by_capture(transaction, hold, capture.created_at);
  if (!ended) return std::unexpected(ended.error());
  if (!*ended) {
    if (auto known = must_be_captured(transaction, captured, *book, links); !known) return failure(known);
    return captured.amount;
  }
  if (captured.amount > hold.amount) return not_enough(hold.debit);
  book->free(hold.debit, hold.amount);
  if (auto posted = post_over(transaction, {&captured, 1}, *book, links); !posted) return failure(posted);
  return captured.amount;
}

Result<void> release(db::Transaction& transaction, std::span<const std::string> external_ids) {
  const std::vector<Value> names(external_ids.begin(), external_ids.end());
  if (auto locked = lock_debtors(transaction, names); !locked) return locked;
  auto released = release_transfers().run(transaction, names);
  if (!released) return failure(released);
  std::map<std::int64_t, std::int64_t> freed;
  for (const db::Row& row : *released) freed[row.integer(0)] += row.integer(1);
  std::vector<Value> values;
  for (const auto& [account, amount] : freed) db::append_row(values, account, amount);
  return release_held().defer(transaction, std::move(values));
}

Result<void> release_hold(db::Transaction& transaction, const std::string& external_id) {
  if (auto released = release(transaction, {&external_id, 1}); !released) return released;
  const auto found = find_transfer(transaction, external_id);
  if (!found) return std::unexpected(found.error());
  if (!*found || (*found)->state == "posted") return fail(Errc::not_found, "no such hold");
  if ((*found)->state == "captured") return fail(Errc::session_state, "the hold was captured");
  return {};
}

Result<std::vector<std::string>> release_overdue(db::Transaction& transaction, WallTime now,
                                                 std::int64_t count) {
  auto rows = transaction.query(
      "SELECT external_id FROM transfer WHERE state = 'pending' AND expires_at <= $1"
      " ORDER BY expires_at, seq LIMIT $2",
      {now.time_since_epoch().count(), count});
  if (!rows) return failure(rows);
  std::vector<std::string> overdue;
  for (const db::Row& row : *rows) overdue.push_back(row.text(0));
  if (auto released = release(transaction, overdue); !released) return failure(released);
  return overdue;
}

}  // namespace perkline::hub::ledger
