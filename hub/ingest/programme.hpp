#pragma once

#include "hub/ingest/told.hpp"
#include "hub/wheel/terms.hpp"

/// What tills tell of prizes and promotions. One at a time, as each may be refused for reasons of its own;
/// the members' cards are held (hold_cards). Errors of all: validation_failed (the event's fault), the
/// database's.
namespace perkline::hub::ingest {

/// A draw, once for each sale of that member's at that store, be it pending, booked or, where it was not yet
/// when the draw was made, rejected. What becomes of the sale later changes nothing about its spin.
Result<void> apply_drawn(db::Transaction& transaction, const Told<sync::SpinDrawn>& told, WallTime now,
                         const wheel::Terms& terms);
Result<void> apply_dropped(db::Transaction& transaction, const Told<sync::SpinDropped>& told, WallTime now);
/// One that cannot be given is written down as refused, and no fault of the event.
Result<void> apply_claimed(db::Transaction& transaction, const Told<sync::PromotionClaimed>& told,
                           WallTime now);
Result<void> apply_lease_returned(db::Transaction& transaction, const Told<sync::LeaseReturned>& told,
                                  WallTime now);

}  // namespace perkline::hub::ingest
