#include "hub/ledger/lots.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/posting.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::ledger {
namespace {

using db::BulkStatement;

/// Most debits reach no further than the oldest lots; others go on with more of them.
constexpr std::int64_t lots_at_first = 2;
constexpr std::int64_t lots_at_once = 16;

std::unexpected<Error> not_in_step(std::int64_t account) {
  return fail(Errc::corrupt,
              "the lots of account " + std::to_string(account) + " do not come to its balance");
}

struct DueLot {
  LotKey key;
  std::string credit_id;
  Account account;
};

Result<std::vector<DueLot>> due_lots(db::Transaction& transaction, WallTime now, std::size_t count) {
  auto rows = transaction.query(
      "SELECT l.account_id, l.transfer_seq, t.id, a.owner_kind, a.owner_id, a.code, a.unit FROM lot l"
      " JOIN account a ON a.id = l.account_id JOIN transfer t ON t.seq = l.transfer_seq"
      " WHERE l.expires_at <= $1 AND a.balance - a.held >= l.remaining"
      " ORDER BY l.expires_at, l.account_id, l.transfer_seq LIMIT $2",
      {stamp(now), static_cast<std::int64_t>(count)});
  if (!rows) return failure(rows);
  std::vector<DueLot> due;
  for (const db::Row& row : *rows) {
    due.push_back({.key = {row.integer(0), row.integer(1)},
                   .credit_id = row.text(2),
                   .account = {.owner_kind = row.text(3),
                               .owner_id = row.text(4),
                               .code = row.text(5),
                               .unit = row.text(6),
                               .keeps_lots = true}});
  }
  return due;
}

/// The lot as it stands now that its account is locked; 0: it is gone.
Result<std::int64_t> remaining_of(db::Transaction& transaction, const LotKey& key) {
  auto rows = transaction.query("SELECT remaining FROM lot WHERE account_id = $1 AND transfer_seq = $2",
                                {key.account, key.credit});
  if (!rows) return failure(rows);
  return rows->empty() ? 0 : rows->front().integer(0);
}

/// Books the lot, unless it was spent or booked while this waited for the lock, or is held now. The amount.
Result<std::int64_t> lapse(db::Transaction& transaction, const DueLot& lot, const Uuid& id, WallTime now) {
  const auto remaining = remaining_of(transaction, lot.key);
  if (!remaining) return std::unexpected(remaining.error());
  const Transfer transfer{.id = id,
                          .external_id = "expiry:" + lot.credit_id,
                          .debit = lot.account,
                          .credit = system_account("expired", lot.account.unit),
                          .amount = *remaining,
                          .code = "points.expired",
                          .created_at = now};
  auto book = AccountBook::load(transaction, {&transfer, 1});
  if (!book) return failure(book);
  const AccountBook::Line& line = book->line(lot.account);
  if (*remaining == 0 || *remaining > line.balance - line.held) return 0;
  auto posted = post_over(transaction, {&transfer, 1}, *book, {.lapses = lot.key.credit});
  if (!posted) return failure(posted);
  return *remaining;
}

}  // namespace

void Lots::add(const LotKey& key, std::int64_t amount, WallTime expires_at) {
  db::append_row(added_, key.account, key.credit, amount, stamp(expires_at));
}

Result<void> Lots::spend(std::int64_t account, std::int64_t amount) {
  if (auto saved = save(); !saved) return saved;
  for (std::int64_t count = lots_at_first; amount > 0; count = lots_at_once) {
    auto rows = transaction_.query(
        "SELECT transfer_seq, remaining FROM lot WHERE account_id = $1 ORDER BY transfer_seq LIMIT $2",
        {account, count});
    if (!rows) return failure(rows);
    if (rows->empty()) return not_in_step(account);
    std::optional<std::int64_t> spent_through;
    std::optional<std::int64_t> opened;
    for (const db::Row& row : *rows) {
      if (amount < row.integer(1)) {
        opened = row.integer(0);
        break;
      }
      amount -= row.integer(1);
      spent_through = row.integer(0);
      if (amount == 0) break;
    }
    if (spent_through) {
      auto gone = transaction_.execute("DELETE FROM lot WHERE account_id = $1 AND transfer_seq <= $2",
                                       {account, *spent_through});
      if (!gone) return failure(gone);
    }
    if (opened && amount > 0) {
      auto taken = transaction_.execute(
          "UPDATE lot SET remaining = remaining - $3 WHERE account_id = $1 AND transfer_seq = $2",
          {account, *opened, amount});
      if (!taken) return failure(taken);
      amount = 0;
    }
  }
  return {};
}

Result<void> Lots::take(const LotKey& key, std::int64_t amount) {
  if (auto saved = save(); !saved) return saved;
  auto gone =
      transaction_.execute("DELETE FROM lot WHERE account_id = $1 AND transfer_seq = $2 AND remaining = $3",
                           {key.account, key.credit, amount});
  if (!gone) return failure(gone);
  if (*gone != 1) return not_in_step(key.account);
  return {};
}

Result<void> Lots::save() {
  static const BulkStatement insert(
      "INSERT INTO lot (account_id, transfer_seq, remaining, expires_at) VALUES ", "(?, ?, ?, ?)");
  return insert.defer(transaction_, std::exchange(added_, {}));
}

Result<std::vector<Lapsed>> lapse_lots(db::Transaction& transaction, WallTime now,
                                       std::span<const Uuid> ids) {
  const auto due = due_lots(transaction, now, ids.size());
  if (!due) return std::unexpected(due.error());
  std::vector<std::int64_t> accounts;
  for (const DueLot& lot : *due) accounts.push_back(lot.key.account);
  if (auto locked = lock_accounts(transaction, std::move(accounts)); !locked) return failure(locked);

  std::vector<Lapsed> lapsed;
  for (std::size_t i = 0; i < due->size(); ++i) {
    const DueLot& lot = (*due)[i];
    const auto amount = lapse(transaction, lot, ids[i], now);
    if (!amount) return std::unexpected(amount.error());
    lapsed.push_back({lot.account.owner_kind, lot.account.owner_id, *amount});
  }
  return lapsed;
}

Result<Announcement> announce_lots(db::Transaction& transaction, WallTime now, WallTime until,
                                   std::int64_t count) {
  auto due = transaction.query(
      "SELECT l.account_id, l.expires_at, a.owner_kind, a.owner_id FROM lot l"
      " JOIN account a ON a.id = l.account_id"
      " WHERE l.expires_at > $1 AND l.expires_at <= $2 AND l.announced_at IS NULL"
      " ORDER BY l.expires_at, l.account_id, l.transfer_seq LIMIT $3",
      {stamp(now), stamp(until), count});
  if (!due) return failure(due);
  std::map<std::pair<std::int64_t, std::chrono::sys_days>, const db::Row*> account_days;
  for (const db::Row& lot : *due) {
    const WallTime at{Millis{lot.integer(1)}};
    account_days.try_emplace({lot.integer(0), std::chrono::floor<days>(at)}, &lot);
  }
  Announcement told{.days = {}, .any_left = due->size() == static_cast<std::size_t>(count)};
  for (const auto& [account_day, lot] : account_days) {
    const auto& [account, day] = account_day;
    auto marked = transaction.query(
        "UPDATE lot SET announced_at = $1 WHERE account_id = $2 AND expires_at > $3 AND expires_at >= $4"
        " AND expires_at < $5 AND announced_at IS NULL RETURNING remaining, expires_at",
        {stamp(now), account, stamp(now), stamp(day), stamp(day + days{1})});
    if (!marked) return failure(marked);
    // Another replica was faster, or they were spent.
    if (marked->empty()) continue;
    AnnouncedDay announced{.owner_kind = lot->text(2), .owner_id = lot->text(3), .first = day + days{1}};
    for (const db::Row& row : *marked) {
      announced.remaining += row.integer(0);
      announced.first = std::min(announced.first, WallTime{Millis{row.integer(1)}});
      ++announced.lots;
    }
    told.days.push_back(std::move(announced));
  }
  return told;
}

Result<std::int64_t> lapsing_by(db::Transaction& transaction, const std::string& owner_kind,
                                const std::string& owner_id, const std::string& unit, WallTime until) {
  auto rows = transaction.query(
      "SELECT CAST(COALESCE(SUM(l.remaining), 0) AS BIGINT) FROM account a JOIN lot l ON l.account_id = a.id"
      " WHERE a.owner_kind = $1 AND a.owner_id = $2 AND a.unit = $3 AND l.expires_at <= $4",
      {owner_kind, owner_id, unit, stamp(until)});
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

}  // namespace perkline::hub::ledger
