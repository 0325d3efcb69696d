#pragma once

#include <span>

#include "hub/ingest/told.hpp"
#include "hub/points/terms.hpp"

/// Sales that tills were told of before PDI has booked them; sales.hpp settles them.
namespace perkline::hub::ingest {

/// SalePending: pending transfers, which count for no balance and cannot be spent; SALE_PENDING. With a few
/// statements for all. Coming again it changes nothing, also once the sale is settled or rejected. Errors:
/// already_exists (another sale's session, or other figures while it is pending).
Result<void> apply_pending(db::Transaction& transaction, std::span<const ToldPending> sales, WallTime now,
                           const points::Terms& terms);

/// SaleRejected: releases them; SALE_REJECTED. What the till let the member redeem goes from the member's
/// rewards to the store's standin_loss: the member has had those points' worth, the store bears it, and the
/// store's redeemed account stays what PDI booked. Returns that waited are closed with nothing. Coming again
/// it changes nothing. Errors: not_found (no such pending sale), already_exists (it is booked).
Result<void> apply_rejected(db::Transaction& transaction, const ToldRejected& told, WallTime now);

/// Releases the pending transfers of those sales.
Result<void> release_holds(db::Transaction& transaction, std::span<const SessionId> sessions);

}  // namespace perkline::hub::ingest
