#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Double entry for points and money (hub.md, "Ledger"): every transfer takes from one account what it gives
/// to another, so that all balances of a unit sum to zero. All calls are made inside a caller's transaction,
/// beside whatever caused the transfer.
namespace perkline::hub::ledger {

/// Whose account, for what, in which unit. A balance is credits less debits.
struct Account {
  std::string owner_kind;  ///< member, store
  std::string owner_id;
  std::string code;  ///< rewards, issued, redeemed, standin_loss
  std::string unit;  ///< points:rewards
  /// Whether a running balance is kept. Not for system accounts, whose row would be hot: theirs is the sum of
  /// their entries.
  bool keeps_balance = true;
  /// Else a transfer that takes more than is there, held amounts aside, is refused. Needs keeps_balance.
  bool may_be_negative = false;
  bool operator==(const Account&) const = default;
};

/// PDI's points of a member, as they went through Perkline. May be negative: PDI's opening balance is not
/// ours.
Account rewards_of(const CustomerId& customer);
/// What a store has given out and taken back: system accounts.
Account issued_by(const StoreId& store);
Account redeemed_at(const StoreId& store);
/// What a store let members redeem while PDI was away, and PDI then never booked: a system account.
Account standin_loss_of(const StoreId& store);

struct Transfer {
  Uuid id;                  ///< UUIDv7.
  std::string external_id;  ///< `sale:<session>` …: unique for ever.
  Account debit;            ///< What it is taken from.
  Account credit;           ///< What it is given to; another account of the same unit.
  std::int64_t amount = 0;  ///< > 0
  std::string code;         ///< Why: sale.earned, sale.redeemed …
  WallTime created_at;
  std::string meta = "{}";  ///< A JSON object.
};

/// Posts the transfers in this order with a few statements for all; makes accounts that are new. A transfer
/// whose external id is there already with the same content changes nothing. On an error the caller rolls
/// back, or has called from inside an attempt(): some may have been posted. Errors: already_exists (an
/// external id with other content), insufficient_points or insufficient_funds by unit, validation_failed (a
/// balance beyond 64 bits), the database's.
Result<void> post_all(db::Transaction& transaction, std::span<const Transfer> transfers);
Result<void> post(db::Transaction& transaction, const Transfer& transfer);

/// Writes transfers down that move nothing yet, and sets what they would take aside: an account that may not
/// be negative gives no more than its balance less that. Once pending, never posted under the same external
/// id: what comes of it is released and then posted under another. As post_all otherwise, errors too.
Result<void> hold_all(db::Transaction& transaction, std::span<const Transfer> transfers);
/// Takes back what is pending under these external ids. One that is not there, or not pending any more,
/// changes nothing. Errors: the database's.
Result<void> release(db::Transaction& transaction, std::span<const std::string> external_ids);
/// What the account's pending transfers come to: those it would get less those it would give. Errors: the
/// database's.
Result<std::int64_t> pending_of(db::Transaction& transaction, const Account& account);

/// As kept for members; summed for system accounts. 0 for an account nobody has used yet.
Result<std::int64_t> balance_of(db::Transaction& transaction, const Account& account);

struct Verification {
  std::int64_t accounts = 0;
  std::int64_t entries = 0;
  std::vector<std::string> mismatches;  ///< What does not agree, for people; at most the first hundred.
  bool ok() const { return mismatches.empty(); }
};
/// Recomputes every balance from its entries, every balance after an entry along the history, and what is
/// held from the pending transfers; holds each posted transfer against its two entries, any other against
/// having none, and each unit's sum against zero. On one snapshot; memory grows with the accounts, not with
/// the history. Errors: the database's.
Result<Verification> verify(db::Transaction& transaction);

}  // namespace perkline::hub::ledger
