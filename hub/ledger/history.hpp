#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/ledger/ledger.hpp"

/// What accounts hold, held, and how they came to it. Reading books nothing.
namespace perkline::hub::ledger {

/// As kept; of a system account its last checkpoint and what followed. 0 for an account nobody has used yet.
/// Errors: the database's, as everywhere here.
Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account);
/// What a kept balance has to give, which nobody else changes until the end of the transaction: balance less
/// held.
Result<std::int64_t> lock_available(db::Transaction& transaction, const Account& account);
/// What the account's pending transfers come to: those it would get less those it would give.
Result<std::int64_t> pending_of(db::Transaction& transaction, const Account& account);

/// The balance when `at` had passed: behind the last entry of a transfer created by then.
Result<std::int64_t> balance_at(db::Transaction& transaction, const Account& account, WallTime at);
/// The balance behind this entry of any account, in the order of all.
Result<std::int64_t> balance_after(db::Transaction& transaction, const Account& account, std::int64_t entry);

/// An account that was used, with what it holds. For those that keep a balance.
struct Holding {
  Account account;
  std::int64_t balance = 0;
  std::int64_t held = 0;  ///< Of the balance: set aside.
};
/// All of an owner's, by unit and code.
Result<std::vector<Holding>> holdings_of(db::Transaction& transaction, const std::string& owner_kind,
                                         const std::string& owner_id);

/// A transfer as it is written down.
struct TransferRecord {
  std::int64_t sequence = 0;
  std::string id;
  std::string external_id;
  Account debit;
  Account credit;
  std::int64_t amount = 0;
  std::string code;
  std::string state;  ///< posted, pending, captured, released
  WallTime created_at;
  std::optional<WallTime> expires_at;
  std::string meta;
  bool is_reversal = false;
};
/// nullopt: there is none.
Result<std::optional<TransferRecord>> find_transfer(db::Transaction& transaction,
                                                    const std::string& external_id);

/// One line of an account's history.
struct Entry {
  std::int64_t id = 0;  ///< Rises with time; of all accounts together.
  std::string unit;
  std::string account_code;  ///< rewards, points, wallet …
  std::int64_t delta = 0;
  std::optional<std::int64_t> balance_after;  ///< nullopt: the account keeps none.
  std::string code;                           ///< Why.
  std::string transfer_id;
  std::string external_id;
  WallTime created_at;
  std::string meta;        ///< A JSON object.
  std::string other_kind;  ///< Whose account is on the other side.
  std::string other_id;
};
/// The entries of these accounts in one order, newest first, `count` of those with an id below `before`.
Result<std::vector<Entry>> entries_of(db::Transaction& transaction, std::span<const Account> accounts,
                                      std::int64_t count,
                                      std::int64_t before = std::numeric_limits<std::int64_t>::max());

/// The account's entry of this transfer; nullopt: it has none.
Result<std::optional<Entry>> entry_of(db::Transaction& transaction, const Account& account,
                                      const std::string& external_id);

}  // namespace perkline::hub::ledger
