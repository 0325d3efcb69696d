#pragma once

#include <span>

#include "hub/ingest/told.hpp"

namespace perkline::hub::ingest {

/// SaleReturned: worked out and booked at once if the sale is booked, with nothing if it was rejected; else
/// it waits. Both its points are booked on the member's rewards, and `owed` grows by what PDI does not know
/// of. SALE_RETURNED once it is booked. The hub's figures count; a store that told others than the rule
/// gives, even by its own returns alone (it knows of no others), is wrong. Coming again it changes nothing.
/// Errors: already_exists (the id with other content), return_exceeds_sale, validation_failed (another
/// currency or sale, other points), not_found (nobody's sale: there is no such store).
Result<void> apply_returned(db::Transaction& transaction, const ToldReturn& told, WallTime now);

/// What returns of a store's sale name it by: its session where they were taken at that store, else the
/// till's name for it.
struct SaleName {
  TransactionId transaction;
  SessionId session;
};

/// Works out what waited for these sales of `store`, which are booked or rejected now. What cannot be, such
/// as a return of more than was sold, leaves nothing but a dead letter. Errors: the database's.
Result<void> work_out_waiting(db::Transaction& transaction, const StoreId& store,
                              std::span<const SaleName> sales, WallTime now);

}  // namespace perkline::hub::ingest
