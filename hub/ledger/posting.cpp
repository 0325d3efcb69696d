#include "hub/ledger/posting.hpp"

#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/lots.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::ledger {
namespace {

using db::BulkStatement;
using db::Value;

constexpr std::string_view once = " ON CONFLICT (external_id) DO NOTHING RETURNING external_id, seq";

/// Most are of nothing and have no end: theirs is the shorter statement.
const BulkStatement& insert_plain() {
  static const BulkStatement statement(
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state,"
      " created_at, meta) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", once);
  return statement;
}

const BulkStatement& insert_linked() {
  static const BulkStatement statement(
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state,"
      " created_at, meta, expires_at, pending_of, reverses, lapses) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", once);
  return statement;
}

const BulkStatement& insert_entries() {
  static const BulkStatement statement(
      "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after) VALUES ", "(?, ?, ?, ?, ?)");
  return statement;
}

Value or_null(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}

Result<void> enter(std::vector<Value>& entries, AccountBook& book, const Account& account, std::int64_t id,
                   std::int64_t delta) {
  if (auto moved = book.move(account, delta); !moved) return moved;
  const AccountBook::Line& line = book.line(account);
  db::append_row(entries, id, id / 2, line.id, delta,
                 line.keeps_balance ? Value(line.balance) : Value(nullptr));
  return {};
}

/// The same in lots, where an account keeps them.
Result<void> move_lots(Lots& lots, AccountBook& book, const Transfer& transfer, std::int64_t sequence,
                       const Links& links) {
  const AccountBook::Line& debit = book.line(transfer.debit);
  if (debit.keeps_lots) {
    auto taken = links.lapses ? lots.take({debit.id, *links.lapses}, transfer.amount)
                              : lots.spend(debit.id, transfer.amount);
    if (!taken) return taken;
  }
  const AccountBook::Line& credit = book.line(transfer.credit);
  if (!credit.keeps_lots) return {};
  PERKLINE_ASSERT(transfer.expires_at.has_value());
  lots.add({credit.id, sequence}, transfer.amount, *transfer.expires_at);
  return {};
}

}  // namespace

Result<NewTransfers> insert_new(db::Transaction& transaction, std::span<const Transfer> transfers,
                                AccountBook& book, As as, const Links& links) {
  const std::string state = as == As::posted ? "posted" : "pending";
  // When a posted transfer's lot lapses is the lot's to know.
  const auto ends = [as](const Transfer& transfer) {
    return as == As::pending && transfer.expires_at ? Value(stamp(*transfer.expires_at)) : Value(nullptr);
  };
  bool plain = links == Links{};
  for (const Transfer& transfer : transfers) plain = plain && ends(transfer) == Value(nullptr);
  std::vector<Value> values;
  for (const Transfer& transfer : transfers) {
    PERKLINE_ASSERT(transfer.amount > 0 && transfer.debit.unit == transfer.credit.unit &&
                    transfer.debit != transfer.credit);
    db::append_row(values, transfer.id.str(), transfer.external_id, book.line(transfer.debit).id,
                   book.line(transfer.credit).id, transfer.amount, transfer.debit.unit, transfer.code, state,
                   stamp(transfer.created_at), transfer.meta);
    if (plain) continue;
    db::append_row(values, ends(transfer), or_null(links.pending_of), or_null(links.reverses),
                   or_null(links.lapses));
  }
  auto rows = (plain ? insert_plain() : insert_linked()).run(transaction, std::move(values));
  if (!rows) return failure(rows);
  NewTransfers inserted;
  for (const db::Row& row : *rows) inserted.emplace(row.text(0), row.integer(1));
  return inserted;
}

Result<void> must_be_known(db::Transaction& transaction, const Transfer& transfer, AccountBook& book, As as,
                           const Links& links) {
  auto known = transaction.query(
      "SELECT debit_account, credit_account, amount, code, state, pending_of, reverses, lapses FROM transfer"
      " WHERE external_id = $1",
      {transfer.external_id});
  if (!known) return failure(known);
  PERKLINE_ASSERT(known->size() == 1);
  const db::Row& row = known->front();
  const Links its{.pending_of = row.optional_integer(5),
                  .reverses = row.optional_integer(6),
                  .lapses = row.optional_integer(7)};
  if (row.integer(0) != book.line(transfer.debit).id || row.integer(1) != book.line(transfer.credit).id ||
      row.integer(2) != transfer.amount || row.text(3) != transfer.code ||
      (row.text(4) == "posted") != (as == As::posted) || its != links) {
    return fail(Errc::already_exists, "transfer " + transfer.external_id + " is there with other content");
  }
  return {};
}

Result<std::size_t> post_over(db::Transaction& transaction, std::span<const Transfer> transfers,
                              AccountBook& book, const Links& links) {
  auto inserted = insert_new(transaction, transfers, book, As::posted, links);
  if (!inserted) return failure(inserted);
  const std::size_t fresh_ones = inserted->size();
  Lots lots(transaction);
  std::vector<Value> entries;
  for (const Transfer& transfer : transfers) {
    const auto fresh = inserted->extract(transfer.external_id);
    // Posted before, or by an earlier one of these.
    if (fresh.empty()) {
      if (auto same = must_be_known(transaction, transfer, book, As::posted, links); !same)
        return failure(same);
      continue;
    }
    const std::int64_t sequence = fresh.mapped();
    auto entered = enter(entries, book, transfer.debit, 2 * sequence, -transfer.amount);
    if (entered) entered = enter(entries, book, transfer.credit, 2 * sequence + 1, transfer.amount);
    if (entered) entered = move_lots(lots, book, transfer, sequence, links);
    if (!entered) return failure(entered);
  }
  if (auto saved = lots.save(); !saved) return failure(saved);
  if (auto put = insert_entries().defer(transaction, std::move(entries)); !put) return failure(put);
  if (auto saved = book.save(transaction); !saved) return failure(saved);
  return fresh_ones;
}

}  // namespace perkline::hub::ledger
