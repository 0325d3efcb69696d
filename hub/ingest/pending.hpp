#pragma once

#include <span>

#include "hub/ingest/told.hpp"

/// Sales that tills were told of before PDI has booked them. Each of these may come again and then changes
/// nothing; errors that are the event's own: already_exists (it contradicts what is booked), not_found.
namespace perkline::hub::ingest {

/// Pending transfers, which count for no balance; SALE_PENDING.
Result<void> apply_pending(db::Transaction& transaction, std::span<const ToldPending> sales, WallTime now);

/// Releases them and posts PDI's figures, more or less; also of a sale never heard of, as the event tells it
/// all. Then works out the returns that waited for it. SALE_SETTLED.
Result<void> apply_settled(db::Transaction& transaction, const Told<sync::SaleSettled>& told, WallTime now);

/// Releases them. What the till let the member redeem is the store's loss. Returns that waited are closed
/// with nothing. SALE_REJECTED.
Result<void> apply_rejected(db::Transaction& transaction, const Told<sync::SaleRejected>& told, WallTime now);

}  // namespace perkline::hub::ingest
