#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/ledger/account.hpp"
#include "shared/core/ids.hpp"

/// Double entry for points and money (hub.md, "Ledger"): every transfer takes from one account what it gives
/// to another, so that all balances of a unit sum to zero. All calls are made inside a caller's transaction,
/// beside whatever caused the transfer. With many writers at once the rows of accounts that keep a balance
/// are locked before they are read, ascending by id; whoever calls twice in one transaction names the
/// accounts that others share in the same order each time, or lives with a conflict that the database tries
/// again.
namespace perkline::hub::ledger {

struct Transfer {
  Uuid id;                  ///< UUIDv7.
  std::string external_id;  ///< `sale:<session>` …: unique for ever.
  Account debit;            ///< What it is taken from.
  Account credit;           ///< What it is given to; another account of the same unit.
  std::int64_t amount = 0;  ///< > 0
  std::string code;         ///< Why: sale.earned, sale.redeemed …
  WallTime created_at;
  std::string meta = "{}";  ///< A JSON object.
  /// Of a hold: when it is released by itself. Of what is posted to an account that keeps lots: when what is
  /// left of it lapses; there it must be given.
  std::optional<WallTime> expires_at = std::nullopt;
};

/// Posts the transfers in this order with a few statements for all; makes accounts that are new. A transfer
/// whose external id is there already with the same content (accounts, amount, code) changes nothing. On an
/// error the caller rolls back, or has called from inside an attempt(): some may have been posted. Errors:
/// already_exists (an external id with other content), insufficient_points or insufficient_funds by unit,
/// balance_limit (money beyond money_balance_max), validation_failed (a balance beyond 64 bits), the
/// database's.
Result<void> post_all(db::Transaction& transaction, std::span<const Transfer> transfers);
Result<void> post(db::Transaction& transaction, const Transfer& transfer);
/// The same; false: it was there already and changed nothing.
Result<bool> post_once(db::Transaction& transaction, const Transfer& transfer);

/// What an account that keeps a balance comes to.
struct Standing {
  std::int64_t balance = 0;
  std::int64_t held = 0;  ///< Of the balance: set aside.
};
/// post(), and what `of`, one of its two accounts and one that keeps a balance, comes to then: known without
/// being read again.
Result<Standing> post_for(db::Transaction& transaction, const Transfer& transfer, const Account& of);

/// Takes a posted transfer back.
struct Reversal {
  std::string of;  ///< The external id of what was a mistake.
  Uuid id;         ///< The reversing transfer's, whose external id is `reversal:<of>`.
  WallTime created_at;
  std::string meta = "{}";
  std::optional<WallTime> expires_at = std::nullopt;  ///< As Transfer's.
};
/// Posts the opposite of a posted transfer, code `reversal`; once: again it changes nothing. Lots that were
/// spent come back as a new one. Errors: not_found; session_state (it is not posted, or is a reversal
/// itself); as post_all.
Result<void> reverse(db::Transaction& transaction, const Reversal& reversal);

struct Verification {
  std::int64_t accounts = 0;
  std::int64_t entries = 0;
  std::vector<std::string> mismatches;  ///< What does not agree, for people; at most the first hundred.
  bool ok() const { return mismatches.empty(); }
};
/// Recomputes every balance from its entries, every balance after an entry along the history, what is held
/// from the pending transfers, every checkpoint, and every lot by spending along the history; holds each
/// posted transfer against its two entries, any other against having none, captures, reversals and lapses
/// against what they are of, and each unit's sum against zero. On one snapshot; memory grows with the
/// accounts, not with the history. Errors: the database's.
Result<Verification> verify(db::Transaction& transaction);

}  // namespace perkline::hub::ledger
