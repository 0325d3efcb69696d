#include "hub/ledger/history.hpp"

#include <algorithm>
#include <functional>

#include "shared/core/stamp.hpp"

namespace perkline::hub::ledger {
namespace {

struct Found {
  std::int64_t id = 0;
  bool keeps_balance = true;
  std::int64_t balance = 0;
};

Result<std::optional<Found>> find(db::Transaction& transaction, const Account& account) {
  auto rows = transaction.query(
      "SELECT id, keeps_balance, balance FROM account"
      " WHERE owner_kind = $1 AND owner_id = $2 AND unit = $3 AND code = $4",
      {account.owner_kind, account.owner_id, account.unit, account.code});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  return Found{.id = row.integer(0), .keeps_balance = row.integer(1) != 0, .balance = row.integer(2)};
}

/// Where a system account's sum may start.
struct Start {
  std::int64_t after_entry = 0;
  std::int64_t balance = 0;
};

Result<Start> start_of(Result<db::Rows> checkpoint) {
  if (!checkpoint) return failure(checkpoint);
  if (checkpoint->empty()) return Start{};
  return Start{checkpoint->front().integer(0), checkpoint->front().integer(1)};
}

/// `sum` gives what the entries behind the start come to.
Result<std::int64_t> plus(const Result<Start>& start, const Result<db::Rows>& sum) {
  if (!start) return std::unexpected(start.error());
  if (!sum) return std::unexpected(sum.error());
  std::int64_t balance = 0;
  if (__builtin_add_overflow(start->balance, sum->front().integer(0), &balance))
    return fail(Errc::validation_failed, "a balance would leave 64 bits");
  return balance;
}

Result<std::int64_t> first_or_0(const Result<db::Rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  return rows->empty() ? 0 : rows->front().integer(0);
}

Account account_from(const db::Row& row, std::size_t first) {
  return {.owner_kind = row.text(first),
          .owner_id = row.text(first + 1),
          .code = row.text(first + 2),
          .unit = row.text(first + 3),
          .keeps_balance = row.integer(first + 4) != 0,
          .may_be_negative = row.integer(first + 5) != 0,
          .keeps_lots = row.integer(first + 6) != 0};
}

const std::string select_entries =
    "SELECT e.id, e.delta, e.balance_after, t.code, t.id, t.external_id, t.created_at, t.meta, o.owner_kind,"
    " o.owner_id FROM account a JOIN entry e ON e.account_id = a.id"
    " JOIN transfer t ON t.seq = e.transfer_seq JOIN account o ON o.id ="
    " CASE WHEN t.debit_account = a.id THEN t.credit_account ELSE t.debit_account END"
    " WHERE a.owner_kind = $1 AND a.owner_id = $2 AND a.unit = $3 AND a.code = $4";

Entry entry_from(const Account& account, const db::Row& row) {
  return {.id = row.integer(0),
          .unit = account.unit,
          .account_code = account.code,
          .delta = row.integer(1),
          .balance_after = row.optional_integer(2),
          .code = row.text(3),
          .transfer_id = row.text(4),
          .external_id = row.text(5),
          .created_at = WallTime{Millis{row.integer(6)}},
          .meta = row.text(7),
          .other_kind = row.text(8),
          .other_id = row.text(9)};
}

}  // namespace

Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account) {
  const auto found = find(transaction, account);
  if (!found) return std::unexpected(found.error());
  if (!*found) return 0;
  if ((*found)->keeps_balance) return (*found)->balance;
  const auto start =
      start_of(transaction.query("SELECT through_entry, balance FROM ledger_checkpoint WHERE account_id = $1"
                                 " ORDER BY through_entry DESC LIMIT 1",
                                 {(*found)->id}));
  if (!start) return std::unexpected(start.error());
  return plus(start, transaction.query("SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM entry"
                                       " WHERE account_id = $1 AND id > $2",
                                       {(*found)->id, start->after_entry}));
}

Result<std::int64_t> lock_available(db::Transaction& transaction, const Account& account) {
  static constexpr std::string_view one =
      "SELECT balance - held FROM account WHERE owner_kind = $1 AND owner_id = $2 AND unit = $3 AND code = "
      "$4";
  return first_or_0(transaction.query(std::string(one) + std::string(transaction.for_update()),
                                      {account.owner_kind, account.owner_id, account.unit, account.code}));
}

Result<std::int64_t> pending_of(db::Transaction& transaction, const Account& account) {
  return first_or_0(transaction.query(
      "SELECT CAST((SELECT COALESCE(SUM(amount), 0) FROM transfer WHERE credit_account = a.id"
      " AND state = 'pending') - (SELECT COALESCE(SUM(amount), 0) FROM transfer WHERE debit_account = a.id"
      " AND state = 'pending') AS BIGINT) FROM account a"
      " WHERE a.owner_kind = $1 AND a.owner_id = $2 AND a.unit = $3 AND a.code = $4",
      {account.owner_kind, account.owner_id, account.unit, account.code}));
}

Result<std::int64_t> balance_at(db::Transaction& transaction, const Account& account, WallTime at) {
  const auto found = find(transaction, account);
  if (!found) return std::unexpected(found.error());
  if (!*found) return 0;
  const std::int64_t id = (*found)->id;
  if ((*found)->keeps_balance) {
    return first_or_0(
        transaction.query("SELECT e.balance_after FROM entry e JOIN transfer t ON t.seq = e.transfer_seq"
                          " WHERE e.account_id = $1 AND t.created_at <= $2 ORDER BY e.id DESC LIMIT 1",
                          {id, stamp(at)}));
  }
  const auto start = start_of(transaction.query(
      "SELECT through_entry, balance FROM ledger_checkpoint WHERE account_id = $1 AND newest_at <= $2"
      " ORDER BY through_entry DESC LIMIT 1",
      {id, stamp(at)}));
  if (!start) return std::unexpected(start.error());
  return plus(start, transaction.query("SELECT CAST(COALESCE(SUM(e.delta), 0) AS BIGINT) FROM entry e"
                                       " JOIN transfer t ON t.seq = e.transfer_seq"
                                       " WHERE e.account_id = $1 AND e.id > $2 AND t.created_at <= $3",
                                       {id, start->after_entry, stamp(at)}));
}

Result<std::int64_t> balance_after(db::Transaction& transaction, const Account& account, std::int64_t entry) {
  const auto found = find(transaction, account);
  if (!found) return std::unexpected(found.error());
  if (!*found) return 0;
  const std::int64_t id = (*found)->id;
  if ((*found)->keeps_balance) {
    return first_or_0(
        transaction.query("SELECT balance_after FROM entry WHERE account_id = $1 AND id <= $2"
                          " ORDER BY id DESC LIMIT 1",
                          {id, entry}));
  }
  const auto start = start_of(transaction.query(
      "SELECT through_entry, balance FROM ledger_checkpoint WHERE account_id = $1 AND through_entry <= $2"
      " ORDER BY through_entry DESC LIMIT 1",
      {id, entry}));
  if (!start) return std::unexpected(start.error());
  return plus(start, transaction.query("SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM entry"
                                       " WHERE account_id = $1 AND id > $2 AND id <= $3",
                                       {id, start->after_entry, entry}));
}

Result<std::vector<Holding>> holdings_of(db::Transaction& transaction, const std::string& owner_kind,
                                         const std::string& owner_id) {
  auto rows = transaction.query(
      "SELECT owner_kind, owner_id, code, unit, keeps_balance, may_be_negative, keeps_lots, balance, held"
      " FROM account WHERE owner_kind = $1 AND owner_id = $2 AND keeps_balance = 1 ORDER BY unit, code",
      {owner_kind, owner_id});
  if (!rows) return failure(rows);
  std::vector<Holding> holdings;
  for (const db::Row& row : *rows)
    holdings.push_back({.account = account_from(row, 0), .balance = row.integer(7), .held = row.integer(8)});
  return holdings;
}

Result<std::optional<TransferRecord>> find_transfer(db::Transaction& transaction,
                                                    const std::string& external_id) {
  auto rows = transaction.query(
      "SELECT t.seq, t.id, t.external_id, t.amount, t.code, t.state, t.created_at, t.expires_at, t.meta,"
      " t.reverses, d.owner_kind, d.owner_id, d.code, d.unit, d.keeps_balance, d.may_be_negative,"
      " d.keeps_lots, c.owner_kind, c.owner_id, c.code, c.unit, c.keeps_balance, c.may_be_negative,"
      " c.keeps_lots FROM transfer t JOIN account d ON d.id = t.debit_account"
      " JOIN account c ON c.id = t.credit_account WHERE t.external_id = $1",
      {external_id});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  return TransferRecord{
      .sequence = row.integer(0),
      .id = row.text(1),
      .external_id = row.text(2),
      .debit = account_from(row, 10),
      .credit = account_from(row, 17),
      .amount = row.integer(3),
      .code = row.text(4),
      .state = row.text(5),
      .created_at = WallTime{Millis{row.integer(6)}},
      .expires_at = row.optional_integer(7).transform([](std::int64_t at) { return WallTime{Millis{at}}; }),
      .meta = row.text(8),
      .is_reversal = !row.is_null(9)};
}

Result<std::vector<Entry>> entries_of(db::Transaction& transaction, std::span<const Account> accounts,
                                      std::int64_t count, std::int64_t before) {
  static const std::string sql = select_entries + " AND e.id < $5 ORDER BY e.id DESC LIMIT $6";
  // One statement an account, each along its own index; the newest of all are among the newest of each.
  std::vector<Entry> entries;
  for (const Account& account : accounts) {
    auto rows = transaction.query(
        sql, {account.owner_kind, account.owner_id, account.unit, account.code, before, count});
    if (!rows) return failure(rows);
    for (const db::Row& row : *rows) entries.push_back(entry_from(account, row));
  }
  std::ranges::sort(entries, std::ranges::greater{}, &Entry::id);
  if (entries.size() > static_cast<std::size_t>(count)) entries.resize(static_cast<std::size_t>(count));
  return entries;
}

Result<std::optional<Entry>> entry_of(db::Transaction& transaction, const Account& account,
                                      const std::string& external_id) {
  static const std::string sql = select_entries + " AND t.external_id = $5";
  auto rows =
      transaction.query(sql, {account.owner_kind, account.owner_id, account.unit, account.code, external_id});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return entry_from(account, rows->front());
}

}  // namespace perkline::hub::ledger
