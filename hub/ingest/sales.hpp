#pragma once

#include <cstdint>
#include <span>

#include "hub/ingest/told.hpp"
#include "hub/points/terms.hpp"

namespace perkline::hub::ingest {

/// How a store tells PDI's figures of a sale: at once, or as the end of a pending one.
enum class Figures : std::uint8_t { finalized, settled };

/// SaleFinalized and SaleSettled: sale, member, ledger, SALE_FINALIZED or SALE_SETTLED, with a few statements
/// for all; and the points of the purchase rule, for whoever has verified the card. A sale that is pending
/// here is settled, whichever of the two events tells it: its pending transfers are released and PDI's
/// figures posted, more or less. One never heard of is booked whole, as either event tells all of it. Then
/// the returns that waited for it are worked out. A sale that is booked already changes nothing. Errors:
/// already_exists (another sale's session, other figures, or a person has rejected it).
Result<void> apply_sales(db::Transaction& transaction, std::span<const ToldSale> sales, Figures figures,
                         WallTime now, const points::Terms& terms);

}  // namespace perkline::hub::ingest
