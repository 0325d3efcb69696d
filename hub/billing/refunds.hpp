#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Top-ups that their provider has settled and that could not be booked: it is to give back what it took.
///
///   (failed) ──▶ due ──given back──▶ done
///                 └────refused─────▶ refused (for people to settle with the provider)
///
/// That one is due is written down with its failure, before anybody is asked: from then on nothing books it.
/// In the caller's transaction. Errors: corrupt, the database's.
namespace perkline::hub::billing {

struct Refund {
  Uuid payment;
  std::string reference;   ///< The payment's, as its provider knows it.
  std::int64_t asked = 0;  ///< How often the provider may have been asked before.
};

inline constexpr std::string_view refund_due = "due";
inline constexpr std::string_view refund_done = "done";
inline constexpr std::string_view refund_refused = "refused";

/// Has what a payment took given back, which fails in this transaction.
Result<void> begin_refund(db::Transaction& transaction, const Uuid& payment, WallTime now);

/// Whether claim_refunds() would find any.
Result<bool> is_any_refund_due(db::Transaction& transaction, WallTime now);
/// As payments are claimed.
Result<std::vector<Refund>> claim_refunds(db::Transaction& transaction, WallTime now, Millis lease,
                                          std::int64_t count);
/// Has it due then.
Result<void> put_off_refund(db::Transaction& transaction, const Uuid& payment, WallTime due);
/// `outcome`: done or refused. Whether this ended it: another one may have before.
Result<bool> end_refund(db::Transaction& transaction, const Uuid& payment, std::string_view outcome);

}  // namespace perkline::hub::billing
