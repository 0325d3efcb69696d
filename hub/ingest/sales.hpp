#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hub/ingest/told.hpp"

namespace perkline::hub::ingest {

/// SaleFinalized: sale, member, ledger, SALE_FINALIZED, with a few statements for all. A sale that is booked
/// already changes nothing. Errors: already_exists (booked with other figures, or pending).
Result<void> apply_sales(db::Transaction& transaction, std::span<const ToldSale> sales, WallTime now);

/// Where PDI's figures come from.
enum class Figures : std::uint8_t { finalized, settled };

/// What PDI's figures of sales that are written down do: to members, in the ledger, for whoever listens.
Result<void> book_figures(db::Transaction& transaction, std::span<const ToldSale> sales, Figures figures,
                          WallTime now);

/// Errors: already_exists unless the session was booked with these very figures.
Result<void> same_as_booked(db::Transaction& transaction, const ToldSale& told);

/// Writes the sales down and gives those that are new. Errors: as same_as_booked.
Result<std::vector<ToldSale>> insert_new_sales(db::Transaction& transaction, std::span<const ToldSale> sales,
                                               WallTime now);

}  // namespace perkline::hub::ingest
