#include "hub/ledger/ledger.hpp"

#include "shared/core/assert.hpp"

namespace perkline::hub::ledger {
namespace {

constexpr std::string_view points_unit = "points";

bool is_system(const Account& account) {
  return account.owner_kind == "store";
}
bool may_be_negative(const Account& account) {
  return is_system(account) || account.code == "rewards";
}

Result<void> open(db::Transaction& transaction, const Account& account) {
  auto opened = transaction.execute(
      "INSERT INTO account (id, owner_kind, owner_id, code, unit, keeps_balance, may_be_negative, balance, "
      "held, entries)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0) ON CONFLICT (id) DO NOTHING",
      {account.id(), account.owner_kind, account.owner_id, account.code, account.unit,
       std::int64_t{is_system(account) ? 0 : 1}, std::int64_t{may_be_negative(account) ? 1 : 0}});
  if (!opened) return failure(opened);
  return {};
}

Result<void> enter(db::Transaction& transaction, const Transfer& transfer, const Account& account,
                   const char* side, std::int64_t delta) {
  db::Value balance_after = nullptr;
  std::int64_t sequence = 0;
  if (!is_system(account)) {
    auto moved = transaction.query(
        "UPDATE account SET balance = balance + $2, entries = entries + 1"
        " WHERE id = $1 AND (may_be_negative = 1 OR balance - held + $2 >= 0) RETURNING balance, entries",
        {account.id(), delta});
    if (!moved) return failure(moved);
    if (moved->empty()) return fail(Errc::insufficient_points, account.id());
    balance_after = moved->front().integer(0);
    sequence = moved->front().integer(1);
  }
  auto entered = transaction.execute(
      "INSERT INTO entry (transfer_id, side, account_id, sequence, delta, balance_after) VALUES ($1, $2, $3, "
      "$4, $5, $6)",
      {transfer.id.str(), side, account.id(), sequence, delta, balance_after});
  if (!entered) return failure(entered);
  return {};
}

/// Whether what is posted under the external id is this very transfer.
Result<void> same_as_posted(db::Transaction& transaction, const Transfer& transfer) {
  auto posted = transaction.query(
      "SELECT debit_account, credit_account, amount, unit, code FROM transfer WHERE external_id = $1",
      {transfer.external_id});
  if (!posted) return failure(posted);
  PERKLINE_ASSERT(posted->size() == 1);
  const db::Row& row = posted->front();
  if (row.text(0) != transfer.debit.id() || row.text(1) != transfer.credit.id() ||
      row.integer(2) != transfer.amount || row.text(3) != transfer.debit.unit ||
      row.text(4) != transfer.code) {
    return fail(Errc::already_exists, "transfer " + transfer.external_id + " was posted with other content");
  }
  return {};
}

}  // namespace

Account rewards_of(const CustomerId& customer) {
  return {"member", customer.str(), "rewards", std::string(points_unit)};
}
Account issued_by(const StoreId& store) {
  return {"store", store.str(), "issued", std::string(points_unit)};
}
Account redeemed_at(const StoreId& store) {
  return {"store", store.str(), "redeemed", std::string(points_unit)};
}

Result<void> post(db::Transaction& transaction, const Transfer& transfer) {
  PERKLINE_ASSERT(transfer.amount > 0 && transfer.debit.unit == transfer.credit.unit);
  if (auto opened = open(transaction, transfer.debit); !opened) return opened;
  if (auto opened = open(transaction, transfer.credit); !opened) return opened;
  auto inserted = transaction.execute(
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state, "
      "created_at, meta)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, 'posted', $8, $9) ON CONFLICT (external_id) DO NOTHING",
      {transfer.id.str(), transfer.external_id, transfer.debit.id(), transfer.credit.id(), transfer.amount,
       transfer.debit.unit, transfer.code, transfer.created_at.time_since_epoch().count(), transfer.meta});
  if (!inserted) return failure(inserted);
  if (*inserted == 0) return same_as_posted(transaction, transfer);
  if (auto entered = enter(transaction, transfer, transfer.debit, "debit", -transfer.amount); !entered)
    return entered;
  return enter(transaction, transfer, transfer.credit, "credit", transfer.amount);
}

Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account) {
  auto rows = is_system(account)
                  ? transaction.query(
                        "SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM entry WHERE account_id = $1",
                        {account.id()})
                  : transaction.query("SELECT balance FROM account WHERE id = $1", {account.id()});
  if (!rows) return failure(rows);
  return rows->empty() ? 0 : rows->front().integer(0);
}

Result<Verification> verify(db::Transaction& transaction) {
  Verification verification;
  auto counts = transaction.query("SELECT (SELECT COUNT(*) FROM account), (SELECT COUNT(*) FROM entry)");
  if (!counts) return failure(counts);
  verification.accounts = counts->front().integer(0);
  verification.entries = counts->front().integer(1);

  auto balances = transaction.query(
      "SELECT a.id, a.balance, a.entries, CAST(COALESCE(SUM(e.delta), 0) AS BIGINT), COUNT(e.delta)"
      " FROM account a LEFT JOIN entry e ON e.account_id = a.id WHERE a.keeps_balance = 1"
      " GROUP BY a.id, a.balance, a.entries"
      " HAVING a.balance <> COALESCE(SUM(e.delta), 0) OR a.entries <> COUNT(e.delta) ORDER BY a.id LIMIT "
      "100");
  if (!balances) return failure(balances);
  for (const db::Row& row : *balances) {
    verification.mismatches.push_back("account " + row.text(0) + " says " + std::to_string(row.integer(1)) +
                                      " after " + std::to_string(row.integer(2)) + " entries; its " +
                                      std::to_string(row.integer(4)) + " entries sum to " +
                                      std::to_string(row.integer(3)));
  }
  auto transfers = transaction.query(
      "SELECT t.id FROM transfer t LEFT JOIN entry d ON d.transfer_id = t.id AND d.side = 'debit'"
      " LEFT JOIN entry c ON c.transfer_id = t.id AND c.side = 'credit'"
      " WHERE t.state IN ('posted', 'captured') AND (d.delta IS NULL OR c.delta IS NULL OR d.delta <> "
      "-t.amount OR c.delta <> t.amount"
      " OR d.account_id <> t.debit_account OR c.account_id <> t.credit_account) ORDER BY t.id LIMIT 100");
  if (!transfers) return failure(transfers);
  for (const db::Row& row : *transfers)
    verification.mismatches.push_back("transfer " + row.text(0) + " is not its two entries");

  auto after = transaction.query(
      "SELECT a.id FROM account a JOIN entry e ON e.account_id = a.id AND e.sequence = a.entries"
      " WHERE a.keeps_balance = 1 AND e.balance_after <> a.balance ORDER BY a.id LIMIT 100");
  if (!after) return failure(after);
  for (const db::Row& row : *after)
    verification.mismatches.push_back("account " + row.text(0) + " differs from its last entry's balance");
  return verification;
}

}  // namespace perkline::hub::ledger
