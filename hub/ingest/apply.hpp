#pragma once

#include <array>
#include <span>

#include "hub/db/database.hpp"
#include "shared/sync/event.hpp"

namespace perkline::hub::ingest {

/// The ids an event's effects need, made before the transaction, which may run more than once.
using EffectIds = std::array<Uuid, 2>;

/// A sale as a store told it. Refers to what its maker holds.
struct ToldSale {
  const sync::Event* event;
  const sync::SaleFinalized* sale;  ///< The event's payload.
  const EffectIds* ids;
};

/// Books the sales in this order, with a few statements for all of them: sale, member, ledger,
/// SALE_FINALIZED. A sale that is booked already changes nothing. On an error the caller takes everything
/// back: some may have been booked. Errors that are a sale's own against those of the database: see
/// is_fault_of_event.
Result<void> apply_sales(db::Transaction& transaction, std::span<const ToldSale> sales, WallTime now);

/// Whether the event will never be applied, however often it is tried: a dead letter.
bool is_fault_of_event(const Error& error);

}  // namespace perkline::hub::ingest
