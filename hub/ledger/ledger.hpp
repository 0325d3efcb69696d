#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Double entry for points and money (hub.md, "Ledger"): every transfer takes from one account what it gives
/// to another, so that all balances of a unit sum to zero.
namespace perkline::hub::ledger {

/// Whose account, for what, in which unit. A balance is credits less debits.
struct Account {
  std::string owner_kind;  ///< member, store
  std::string owner_id;
  std::string code;  ///< rewards, issued, redeemed
  std::string unit;  ///< points, or a currency's code

  std::string id() const { return owner_kind + ':' + owner_id + ':' + code + ':' + unit; }
};

/// PDI's points of a member, as they went through Perkline. May be negative: PDI's opening balance is not
/// ours.
Account rewards_of(const CustomerId& customer);
/// What a store has given out and taken back: system accounts, summed from their entries.
Account issued_by(const StoreId& store);
Account redeemed_at(const StoreId& store);

struct Transfer {
  Uuid id;                  ///< UUIDv7.
  std::string external_id;  ///< `sale:<session>` …: unique for ever.
  Account debit;            ///< What it is taken from.
  Account credit;           ///< What it is given to.
  std::int64_t amount = 0;  ///< > 0
  std::string code;         ///< Why: sale.earned, sale.redeemed …
  WallTime created_at;
  std::string meta = "{}";  ///< A JSON object.
};

/// Posts the transfer. The same external id with the same content again changes nothing and succeeds; with
/// other content: already_exists. Errors: insufficient_points (an account that may not be negative), the
/// database's.
Result<void> post(db::Transaction& transaction, const Transfer& transfer);

/// As kept for members; summed for system accounts. 0 for an account nobody has used yet.
Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account);

struct Verification {
  std::int64_t accounts = 0;
  std::int64_t entries = 0;
  std::vector<std::string> mismatches;  ///< What does not agree, for people; at most the first hundred.
  bool ok() const { return mismatches.empty(); }
};
/// Recomputes every balance from its entries, and holds each transfer's two entries against it and one
/// another.
Result<Verification> verify(db::Transaction& transaction);

}  // namespace perkline::hub::ledger
