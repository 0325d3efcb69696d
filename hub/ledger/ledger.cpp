#include "hub/ledger/ledger.hpp"

#include <unordered_map>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/account_book.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::ledger {
namespace {

using db::BulkStatement;
using db::Value;

constexpr std::string_view rewards_unit = "points:rewards";

const BulkStatement& insert_transfers() {
  static const BulkStatement statement(
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state,"
      " created_at, meta) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (external_id) DO NOTHING RETURNING external_id, seq");
  return statement;
}

const BulkStatement& insert_entries() {
  static const BulkStatement statement(
      "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after) VALUES ", "(?, ?, ?, ?, ?)");
  return statement;
}

/// The sequences of those that are new, by external id.
using NewTransfers = std::unordered_map<std::string, std::int64_t>;

Result<NewTransfers> insert(db::Transaction& transaction, std::span<const Transfer> transfers,
                            AccountBook& book, const std::string& state) {
  std::vector<Value> values;
  for (const Transfer& transfer : transfers) {
    PERKLINE_ASSERT(transfer.amount > 0 && transfer.debit.unit == transfer.credit.unit &&
                    transfer.debit != transfer.credit);
    db::append_row(values, transfer.id.str(), transfer.external_id, book.line(transfer.debit).id,
                   book.line(transfer.credit).id, transfer.amount, transfer.debit.unit, transfer.code, state,
                   transfer.created_at.time_since_epoch().count(), transfer.meta);
  }
  auto rows = insert_transfers().run(transaction, std::move(values));
  if (!rows) return failure(rows);
  NewTransfers inserted;
  for (const db::Row& row : *rows) inserted.emplace(row.text(0), row.integer(1));
  return inserted;
}

/// Whether what is posted under the external id is this very transfer.
Result<void> same_as_posted(db::Transaction& transaction, const Transfer& transfer, AccountBook& book) {
  auto posted = transaction.query(
      "SELECT debit_account, credit_account, amount, code FROM transfer WHERE external_id = $1",
      {transfer.external_id});
  if (!posted) return failure(posted);
  PERKLINE_ASSERT(posted->size() == 1);
  const db::Row& row = posted->front();
  if (row.integer(0) != book.line(transfer.debit).id || row.integer(1) != book.line(transfer.credit).id ||
      row.integer(2) != transfer.amount || row.text(3) != transfer.code) {
    return fail(Errc::already_exists, "transfer " + transfer.external_id + " was posted with other content");
  }
  return {};
}

Result<void> enter(std::vector<Value>& entries, AccountBook& book, const Account& account, std::int64_t id,
                   std::int64_t delta) {
  if (auto moved = book.move(account, delta); !moved) return moved;
  const AccountBook::Line& line = book.line(account);
  db::append_row(entries, id, id / 2, line.id, delta,
                 line.keeps_balance ? Value(line.balance) : Value(nullptr));
  return {};
}

}  // namespace

Account rewards_of(const CustomerId& customer) {
  return {.owner_kind = "member",
          .owner_id = customer.str(),
          .code = "rewards",
          .unit = std::string(rewards_unit),
          .may_be_negative = true};
}

Account issued_by(const StoreId& store) {
  return {.owner_kind = "store",
          .owner_id = store.str(),
          .code = "issued",
          .unit = std::string(rewards_unit),
          .keeps_balance = false,
          .may_be_negative = true};
}

Account redeemed_at(const StoreId& store) {
  Account account = issued_by(store);
  account.code = "redeemed";
  return account;
}

Account standin_loss_of(const StoreId& store) {
  Account account = issued_by(store);
  account.code = "standin_loss";
  return account;
}

Result<void> post_all(db::Transaction& transaction, std::span<const Transfer> transfers) {
  auto book = AccountBook::load(transaction, transfers);
  if (!book) return failure(book);
  auto inserted = insert(transaction, transfers, *book, "posted");
  if (!inserted) return failure(inserted);

  std::vector<Value> entries;
  for (const Transfer& transfer : transfers) {
    const auto sequence = inserted->extract(transfer.external_id);
    // Posted before, or by an earlier one of these.
    if (sequence.empty()) {
      if (auto same = same_as_posted(transaction, transfer, *book); !same) return same;
      continue;
    }
    const std::int64_t id = 2 * sequence.mapped();
    auto entered = enter(entries, *book, transfer.debit, id, -transfer.amount);
    if (entered) entered = enter(entries, *book, transfer.credit, id + 1, transfer.amount);
    if (!entered) return entered;
  }
  if (auto written = insert_entries().run(transaction, std::move(entries)); !written) return failure(written);
  return book->save(transaction);
}

Result<void> post(db::Transaction& transaction, const Transfer& transfer) {
  return post_all(transaction, std::span(&transfer, 1));
}

Result<void> hold_all(db::Transaction& transaction, std::span<const Transfer> transfers) {
  auto book = AccountBook::load(transaction, transfers);
  if (!book) return failure(book);
  auto inserted = insert(transaction, transfers, *book, "pending");
  if (!inserted) return failure(inserted);
  for (const Transfer& transfer : transfers) {
    if (!inserted->extract(transfer.external_id).empty()) continue;
    if (auto same = same_as_posted(transaction, transfer, *book); !same) return same;
  }
  return {};
}

Result<void> release(db::Transaction& transaction, std::span<const std::string> external_ids) {
  for (const std::string& id : external_ids) {
    auto released = transaction.execute(
        "UPDATE transfer SET state = 'released' WHERE external_id = $1 AND state = 'pending'", {id});
    if (!released) return failure(released);
  }
  return {};
}

Result<std::int64_t> pending_of(db::Transaction& transaction, const Account& account) {
  auto rows = transaction.query(
      "SELECT CAST((SELECT COALESCE(SUM(amount), 0) FROM transfer WHERE credit_account = a.id"
      " AND state = 'pending') - (SELECT COALESCE(SUM(amount), 0) FROM transfer WHERE debit_account = a.id"
      " AND state = 'pending') AS BIGINT) FROM account a"
      " WHERE a.owner_kind = $1 AND a.owner_id = $2 AND a.unit = $3 AND a.code = $4",
      {account.owner_kind, account.owner_id, account.unit, account.code});
  if (!rows) return failure(rows);
  return rows->empty() ? 0 : rows->front().integer(0);
}

Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account) {
  auto rows = transaction.query(
      "SELECT id, balance, keeps_balance FROM account"
      " WHERE owner_kind = $1 AND owner_id = $2 AND unit = $3 AND code = $4",
      {account.owner_kind, account.owner_id, account.unit, account.code});
  if (!rows) return failure(rows);
  if (rows->empty()) return 0;
  const db::Row& row = rows->front();
  if (row.integer(2) != 0) return row.integer(1);
  auto sum = transaction.query(
      "SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM entry WHERE account_id = $1", {row.integer(0)});
  if (!sum) return failure(sum);
  return sum->front().integer(0);
}

}  // namespace perkline::hub::ledger
