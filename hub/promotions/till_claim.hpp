#pragma once

#include <optional>

#include "hub/db/database.hpp"
#include "hub/promotions/claim.hpp"
#include "shared/sync/down.hpp"

/// Promotions claimed at tills: asked for while the till waits, or told of later; one claim, whichever way
/// and however often it comes. In the caller's transaction. Errors: the database's, corrupt.
namespace perkline::hub::promotions {

struct TillClaim {
  Uuid id;  ///< The same for the same claim, always.
  StoreId store;
  TransactionId transaction;  ///< The till's.
  CustomerId card;
  Uuid promotion;
  WallTime claimed_at;  ///< Of one that is told of later by the store's clock, but not after it was heard of.
  /// What the till told its member of it, as promotion_as_told() has it; nullopt: nothing.
  std::optional<Digest> terms = std::nullopt;
};
struct TillAnswer {
  sync::ClaimOutcome outcome = sync::ClaimOutcome::not_assigned;
  std::optional<UserId> user =
      {};  ///< Whose card it is proven to be; nullopt: nobody's, or of no active member.
  std::optional<Claim> claim = {};  ///< Exactly when claimed: by this claim, now or before.
};
/// Claims it for the member whose card that is. `event` is PROMOTION_CLAIMED's. Errors also:
/// validation_failed (terms that the hub does not know), and nothing is claimed.
Result<TillAnswer> claim_at_till(db::Transaction& transaction, const wallet::Cause& cause, const Uuid& event,
                                 const TillClaim& told);

/// The same for what was claimed without the hub, and cannot be undone at the till any more: a refusal is
/// written down, and told to the member (PROMOTION_CLAIM_REFUSED); once. Errors also: balance_limit, and
/// nothing is written: it can be taken in once the member's wallet has room; and as claim_at_till().
Result<void> take_in_till_claim(db::Transaction& transaction, const wallet::Cause& cause, const Uuid& event,
                                const TillClaim& told);

/// An array of what was refused to the user, appended to `out`.
Result<void> write_refused_claims(db::Transaction& transaction, const UserId& user, json::Writer& out);

/// How long it is known that a claim was refused: as members find what they were told of it
/// (notifications/purge.hpp), and as stores keep the sale by default. A claim that is told of once more after
/// that is judged once more.
inline constexpr days keep_refused_claims{400};
/// Forgets up to `limit` of those taken in before then; how many.
Result<std::int64_t> drop_refused_claims(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::promotions
