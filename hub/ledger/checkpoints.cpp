#include "hub/ledger/checkpoints.hpp"

#include <algorithm>

namespace perkline::hub::ledger {
namespace {

struct Checkpoint {
  std::int64_t through_entry = 0;
  std::int64_t balance = 0;
  std::int64_t newest_at = 0;
};

Result<Checkpoint> latest_of(db::Transaction& transaction, std::int64_t account) {
  auto rows = transaction.query(
      "SELECT through_entry, balance, newest_at FROM ledger_checkpoint WHERE account_id = $1"
      " ORDER BY through_entry DESC LIMIT 1",
      {account});
  if (!rows) return failure(rows);
  if (rows->empty()) return Checkpoint{};
  const db::Row& row = rows->front();
  return Checkpoint{row.integer(0), row.integer(1), row.integer(2)};
}

/// Whether there was anything new to write down.
Result<bool> checkpoint(db::Transaction& transaction, std::int64_t account, std::int64_t through,
                        WallTime now) {
  const auto latest = latest_of(transaction, account);
  if (!latest) return std::unexpected(latest.error());
  auto rows = transaction.query(
      "SELECT MAX(e.id), CAST(SUM(e.delta) AS BIGINT), MAX(t.created_at) FROM entry e"
      " JOIN transfer t ON t.seq = e.transfer_seq WHERE e.account_id = $1 AND e.id > $2 AND e.id <= $3",
      {account, latest->through_entry, through});
  if (!rows) return failure(rows);
  const db::Row& later = rows->front();
  if (later.is_null(0)) return false;
  std::int64_t balance = 0;
  if (__builtin_add_overflow(latest->balance, later.integer(1), &balance))
    return fail(Errc::validation_failed, "a balance would leave 64 bits");
  auto made = transaction.execute(
      "INSERT INTO ledger_checkpoint (through_entry, account_id, balance, newest_at, made_at)"
      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (through_entry) DO NOTHING",
      {later.integer(0), account, balance, std::max(latest->newest_at, later.integer(2)),
       now.time_since_epoch().count()});
  if (!made) return failure(made);
  return *made == 1;
}

/// What engines make of a sum beyond 64 bits, besides our own addition: a value that cannot be held, or a
/// statement gone wrong. One account's alone, which the others do not wait for.
bool is_overflow(const Error& error) {
  return error.code == Errc::validation_failed || error.code == Errc::internal;
}

}  // namespace

Result<std::int64_t> newest_entry(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT id FROM entry ORDER BY id DESC LIMIT 1");
  if (!rows) return failure(rows);
  return rows->empty() ? 0 : rows->front().integer(0);
}

Result<CheckpointStep> checkpoint_accounts(db::Transaction& transaction, std::int64_t through, WallTime now,
                                           std::int64_t after_account, std::int64_t count) {
  auto accounts =
      transaction.query("SELECT id FROM account WHERE keeps_balance = 0 AND id > $1 ORDER BY id LIMIT $2",
                        {after_account, count});
  if (!accounts) return failure(accounts);
  CheckpointStep step;
  for (const db::Row& row : *accounts) {
    bool made = false;
    auto done = transaction.attempt([&]() -> Result<void> {
      const auto written = checkpoint(transaction, row.integer(0), through, now);
      if (!written) return std::unexpected(written.error());
      made = *written;
      return {};
    });
    if (!done && is_overflow(done.error())) {
      step.too_large.push_back(row.integer(0));
      continue;
    }
    if (!done) return failure(done);
    step.made += made ? 1 : 0;
  }
  if (accounts->size() == static_cast<std::size_t>(count)) step.last_account = accounts->back().integer(0);
  return step;
}

}  // namespace perkline::hub::ledger
