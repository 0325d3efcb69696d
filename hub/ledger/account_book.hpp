#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/ledger/ledger.hpp"

namespace perkline::hub::ledger {

/// Locks these accounts' rows, ascending, where there is more than one writer; before anything that depends
/// on them is read. Errors: the database's.
Result<void> lock_accounts(db::Transaction& transaction, std::vector<std::int64_t> ids);

/// The accounts a set of transfers touches, read at once, changed in memory, written back at once. For the
/// length of one call of the ledger.
class AccountBook {
 public:
  struct Line {
    std::int64_t id = 0;
    std::int64_t balance = 0;
    std::int64_t held = 0;
    bool keeps_balance = true;
    bool may_be_negative = false;
    bool keeps_lots = false;
    bool changed = false;
  };

  /// Reads the accounts of both sides of `transfers`, and makes those that are new. Those that keep a balance
  /// stay as read until the end of the transaction. `transfers` must outlive this. Errors: the database's.
  static Result<AccountBook> load(db::Transaction& transaction, std::span<const Transfer> transfers);

  Line& line(const Account& account) { return lines_.at(key_of(account)); }
  /// Changes a kept balance by `delta`. Errors: insufficient_points or insufficient_funds, too_much(),
  /// validation_failed.
  Result<void> move(const Account& account, std::int64_t delta);
  /// Sets `amount` of a kept balance aside. Errors: as move().
  Result<void> hold(const Account& account, std::int64_t amount);
  /// Gives back what hold() set aside.
  void free(const Account& account, std::int64_t amount);
  /// Writes what changed. Errors: the database's.
  Result<void> save(db::Transaction& transaction) const;

 private:
  using Key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;
  static Key key_of(const Account& account) {
    return {account.owner_kind, account.unit, account.code, account.owner_id};
  }
  /// Whether they are locked as they are read, and need not be locked by lock().
  Result<bool> read(db::Transaction& transaction, std::span<const Account* const> accounts);
  /// As read().
  Result<bool> make(db::Transaction& transaction, std::span<const Account* const> accounts);
  Result<void> lock(db::Transaction& transaction);

  std::map<Key, Line> lines_;  ///< Keys refer to the transfers' own texts.
};

/// How much is not there: insufficient_points or insufficient_funds, by the account's unit.
std::unexpected<Error> not_enough(const Account& account);

/// Of what would bring a purse of money above money_balance_max: balance_limit.
std::unexpected<Error> too_much();

}  // namespace perkline::hub::ledger
