#pragma once

#include "hub/db/database.hpp"
#include "hub/wallet/cause.hpp"
#include "shared/sync/frame.hpp"

/// What a store asks while a till waits. Each in a transaction of its own, beside the store's stream. Errors:
/// the database's.
namespace perkline::hub::ingest {

Result<sync::SpinReserved> reserve(db::Transaction& transaction, const StoreId& store,
                                   const sync::SpinReserve& asked, WallTime now);

/// What a claim is written down with: drawn before the transaction.
struct ClaimCause {
  wallet::Cause wallet;
  Uuid event;  ///< PROMOTION_CLAIMED's.
};
/// Claimed now, by the hub's clock: the store's decides nothing while the hub can be asked.
Result<sync::ClaimAnswer> claim(db::Transaction& transaction, const StoreId& store,
                                const sync::ClaimRequest& asked, const ClaimCause& cause);

/// What the store is to hear of a member that it may never have seen. Errors: not_found (no such store).
Result<sync::MemberAnswer> tell_of(db::Transaction& transaction, const StoreId& store,
                                   const sync::MemberRequest& asked, WallTime now);

}  // namespace perkline::hub::ingest
