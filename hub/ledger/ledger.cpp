#include "hub/ledger/ledger.hpp"

#include <map>
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

const BulkStatement& insert_entries() {
  static const BulkStatement statement(
      "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after) VALUES ", "(?, ?, ?, ?, ?)");
  return statement;
}

/// The sequences of those that are new, by external id.
using NewTransfers = std::unordered_map<std::string, std::int64_t>;

/// What a transfer is written down as.
enum class As : std::uint8_t { posted, pending };

Result<NewTransfers> insert(db::Transaction& transaction, std::span<const Transfer> transfers,
                            AccountBook& book, As as) {
  const std::string state = as == As::posted ? "posted" : "pending";
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

/// Whether what is there under the external id is this very transfer, written down likewise; a pending one
/// may have been released since.
Result<void> same_as_known(db::Transaction& transaction, const Transfer& transfer, AccountBook& book, As as) {
  auto known = transaction.query(
      "SELECT debit_account, credit_account, amount, code, state FROM transfer WHERE external_id = $1",
      {transfer.external_id});
  if (!known) return failure(known);
  PERKLINE_ASSERT(known->size() == 1);
  const db::Row& row = known->front();
  if (row.integer(0) != book.line(transfer.debit).id || row.integer(1) != book.line(transfer.credit).id ||
      row.integer(2) != transfer.amount || row.text(3) != transfer.code ||
      (row.text(4) == "posted") != (as == As::posted)) {
    return fail(Errc::already_exists, "transfer " + transfer.external_id + " is there with other content");
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
  auto inserted = insert(transaction, transfers, *book, As::posted);
  if (!inserted) return failure(inserted);

  std::vector<Value> entries;
  for (const Transfer& transfer : transfers) {
    const auto sequence = inserted->extract(transfer.external_id);
    // Posted before, or by an earlier one of these.
    if (sequence.empty()) {
      if (auto same = same_as_known(transaction, transfer, *book, As::posted); !same) return same;
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
  auto inserted = insert(transaction, transfers, *book, As::pending);
  if (!inserted) return failure(inserted);
  for (const Transfer& transfer : transfers) {
    const bool is_new = !inserted->extract(transfer.external_id).empty();
    auto done = is_new ? book->hold(transfer.debit, transfer.amount)
                       : same_as_known(transaction, transfer, *book, As::pending);
    if (!done) return done;
  }
  return book->save(transaction);
}

Result<void> release(db::Transaction& transaction, std::span<const std::string> external_ids) {
  auto released =
      release_transfers().run(transaction, std::vector<Value>(external_ids.begin(), external_ids.end()));
  if (!released) return failure(released);
  std::map<std::int64_t, std::int64_t> freed;
  for (const db::Row& row : *released) freed[row.integer(0)] += row.integer(1);
  std::vector<Value> values;
  for (const auto& [account, amount] : freed) db::append_row(values, account, amount);
  if (auto done = release_held().run(transaction, std::move(values)); !done) return failure(done);
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
