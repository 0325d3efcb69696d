#include "hub/ledger/account_book.hpp"

#include <algorithm>
#include <iterator>

#include "hub/db/bulk_statement.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::ledger {
namespace {

using db::BulkStatement;
using db::Value;

bool has_one_writer(const db::Transaction& transaction) {
  return transaction.for_update().empty();
}

constexpr std::string_view select_accounts =
    "SELECT owner_id, id, balance, held, keeps_balance, may_be_negative, keeps_lots, owner_kind, unit, code"
    " FROM account WHERE ";

/// Each by a look of its own into the accounts' key. In one with all owners a server whose statistics are
/// from before the accounts came takes kind, unit and code to single them out, and goes through everybody's.
constexpr std::string_view one_account =
    "(SELECT id FROM account WHERE owner_kind = $1 AND unit = $2 AND code = $3 AND owner_id = ?)";

/// What ends the statement, like all that tells the engines apart, is the same for the whole process.
const BulkStatement& find_accounts(const db::Transaction& transaction) {
  static const std::string head(select_accounts);
  static const BulkStatement together(head + "owner_kind = $1 AND unit = $2 AND code = $3 AND owner_id IN (",
                                      "?", ")", 3);
  static const BulkStatement apart(head + "id IN (", one_account, ")", 3);
  return has_one_writer(transaction) ? together : apart;
}

/// What ends the statement is the same for every engine that needs it at all.
const BulkStatement& find_and_lock(const db::Transaction& transaction) {
  static const BulkStatement statement(std::string(select_accounts) + "id IN (", one_account,
                                       ") ORDER BY id" + std::string(transaction.for_update()), 3);
  return statement;
}

const BulkStatement& make_accounts() {
  static const BulkStatement statement(
      "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance, may_be_negative, keeps_lots)"
      " VALUES ",
      "(?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (owner_kind, owner_id, unit, code) DO NOTHING");
  return statement;
}

/// Both engines name the columns of a VALUES list so; the casts tell PostgreSQL the parameters' type.
const BulkStatement& save_balances() {
  static const BulkStatement statement(
      "UPDATE account SET balance = changed.column2, held = changed.column3 FROM (VALUES ",
      "(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT))",
      ") AS changed WHERE account.id = changed.column1");
  return statement;
}

/// What ends the statement is the same for every engine that needs it at all.
Result<db::Rows> read_locked(db::Transaction& transaction, std::vector<Value> ids) {
  static const BulkStatement statement("SELECT id, balance, held FROM account WHERE id IN (", "?",
                                       ") ORDER BY id" + std::string(transaction.for_update()));
  return statement.run(transaction, std::move(ids));
}

/// A purse of money. What cannot be negative is also what its owner alone takes from.
bool is_bounded(const Account& account) {
  return !account.may_be_negative && account.unit.starts_with("money:");
}

bool is_alike(const Account& one, const Account& other) {
  return one.owner_kind == other.owner_kind && one.unit == other.unit && one.code == other.code;
}

}  // namespace

std::unexpected<Error> too_much() {
  return fail(Errc::balance_limit, "the wallet cannot hold so much more");
}

std::unexpected<Error> not_enough(const Account& account) {
  return account.unit.starts_with("points:")
             ? fail(Errc::insufficient_points, "the account does not hold so many points")
             : fail(Errc::insufficient_funds, "the account does not hold so much");
}

Result<void> lock_accounts(db::Transaction& transaction, std::vector<std::int64_t> ids) {
  if (has_one_writer(transaction)) return {};
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  auto locked = read_locked(transaction, std::vector<Value>(ids.begin(), ids.end()));
  if (!locked) return failure(locked);
  return {};
}

Result<AccountBook> AccountBook::load(db::Transaction& transaction, std::span<const Transfer> transfers) {
  std::map<Key, const Account*> wanted;
  for (const Transfer& transfer : transfers) {
    wanted.emplace(key_of(transfer.debit), &transfer.debit);
    wanted.emplace(key_of(transfer.credit), &transfer.credit);
  }
  std::vector<const Account*> accounts;
  accounts.reserve(wanted.size());
  for (const auto& [key, account] : wanted) accounts.push_back(account);

  AccountBook book;
  auto locked = book.read(transaction, accounts);
  if (!locked) return failure(locked);
  std::erase_if(accounts, [&](const Account* account) { return book.lines_.contains(key_of(*account)); });
  if (!accounts.empty()) {
    const auto made = book.make(transaction, accounts);
    if (!made) return std::unexpected(made.error());
    *locked = *locked && *made;
  }
  if (*locked) return book;
  if (auto done = book.lock(transaction); !done) return failure(done);
  return book;
}

/// Another writer may make the same at the same time.
Result<bool> AccountBook::make(db::Transaction& transaction, std::span<const Account* const> accounts) {
  std::vector<Value> values;
  for (const Account* account : accounts) {
    PERKLINE_ASSERT(account->keeps_balance || account->may_be_negative);
    PERKLINE_ASSERT(!account->keeps_lots || (account->keeps_balance && !account->may_be_negative));
    db::append_row(values, account->owner_kind, account->owner_id, account->unit, account->code,
                   std::int64_t{account->keeps_balance}, std::int64_t{account->may_be_negative},
                   std::int64_t{account->keeps_lots});
  }
  if (auto put = make_accounts().defer(transaction, std::move(values)); !put) return failure(put);
  return read(transaction, accounts);
}

/// Reads the kept balances again once nobody else can change them; with one writer they are as read.
Result<void> AccountBook::lock(db::Transaction& transaction) {
  if (has_one_writer(transaction)) return {};
  std::map<std::int64_t, Line*> by_id;
  for (auto& [key, line] : lines_) {
    if (line.keeps_balance) by_id.emplace(line.id, &line);
  }
  std::vector<Value> ids;
  for (const auto& [id, line] : by_id) ids.emplace_back(id);
  auto rows = read_locked(transaction, std::move(ids));
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    Line& line = *by_id.at(row.integer(0));
    line.balance = row.integer(1);
    line.held = row.integer(2);
  }
  return {};
}

/// `accounts` are sorted by key, so those that differ in their owner's id alone stand together: a statement
/// for each such group. Where but one of them keeps balances its statement locks, too.
Result<bool> AccountBook::read(db::Transaction& transaction, std::span<const Account* const> accounts) {
  struct Group {
    const Account* first;
    std::vector<Value> owners;
  };
  std::map<Key, const Account*> by_key;
  std::vector<Group> groups;
  std::size_t kept = 0;
  std::size_t kept_owners = 0;
  for (const Account* account : accounts) {
    by_key.emplace(key_of(*account), account);
    if (groups.empty() || !is_alike(*groups.back().first, *account)) {
      groups.push_back({account, {}});
      kept += account->keeps_balance ? 1 : 0;
    }
    groups.back().owners.emplace_back(account->owner_id);
    kept_owners += account->keeps_balance ? 1 : 0;
  }
  // More are several statements, and rise in each of them only.
  const bool locks =
      !has_one_writer(transaction) && kept == 1 && kept_owners <= BulkStatement::array_rows_max;
  std::vector<db::Statement> statements;
  for (Group& group : groups) {
    const Account& first = *group.first;
    const BulkStatement& find =
        locks && first.keeps_balance ? find_and_lock(transaction) : find_accounts(transaction);
    std::ranges::move(
        find.statements(transaction, std::move(group.owners), {first.owner_kind, first.unit, first.code}),
        std::back_inserter(statements));
  }
  auto rows = transaction.query_all(std::move(statements));
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    const Account& account = *by_key.at({row.text(7), row.text(8), row.text(9), row.text(0)});
    lines_.emplace(key_of(account), Line{.id = row.integer(1),
                                         .balance = row.integer(2),
                                         .held = row.integer(3),
                                         .keeps_balance = row.integer(4) != 0,
                                         .may_be_negative = row.integer(5) != 0,
                                         .keeps_lots = row.integer(6) != 0});
  }
  return locks || kept == 0;
}

Result<void> AccountBook::move(const Account& account, std::int64_t delta) {
  Line& moved = line(account);
  if (!moved.keeps_balance) return {};
  std::int64_t balance = 0;
  if (__builtin_add_overflow(moved.balance, delta, &balance)) {
    return fail(Errc::validation_failed, "a balance would leave 64 bits");
  }
  if (delta > 0 && is_bounded(account) && balance > money_balance_max) return too_much();
  if (delta < 0 && !moved.may_be_negative && balance < moved.held) return not_enough(account);
  moved.balance = balance;
  moved.changed = true;
  return {};
}

Result<void> AccountBook::hold(const Account& account, std::int64_t amount) {
  Line& held = line(account);
  if (!held.keeps_balance) return {};
  std::int64_t sum = 0;
  if (__builtin_add_overflow(held.held, amount, &sum)) {
    return fail(Errc::validation_failed, "what is held would leave 64 bits");
  }
  if (!held.may_be_negative && held.balance < sum) return not_enough(account);
  held.held = sum;
  held.changed = true;
  return {};
}

void AccountBook::free(const Account& account, std::int64_t amount) {
  Line& freed = line(account);
  if (!freed.keeps_balance) return;
  freed.held -= amount;
  freed.changed = true;
}

Result<void> AccountBook::save(db::Transaction& transaction) const {
  std::vector<Value> values;
  for (const auto& [key, line] : lines_) {
    if (line.changed) db::append_row(values, line.id, line.balance, line.held);
  }
  // Most transfers change one kept balance, or two: theirs is the cheaper statement, where it is no round
  // trip.
  constexpr std::size_t of_one = 3;
  const std::size_t one_by_one_max = has_one_writer(transaction) ? 2 * of_one : of_one;
  if (values.size() > one_by_one_max) return save_balances().defer(transaction, std::move(values));
  for (auto next = values.begin(); next != values.end(); next += of_one) {
    auto saved = transaction.defer({.sql = "UPDATE account SET balance = $2, held = $3 WHERE id = $1",
                                    .parameters = {next[0], next[1], next[2]}});
    if (!saved) return saved;
  }
  return {};
}

}  // namespace perkline::hub::ledger
