#pragma once

#include <span>

#include "hub/ingest/told.hpp"

namespace perkline::hub::ingest {

/// An event and what it needs. Refers to what its maker holds.
struct ToldEvent {
  const sync::Event* event;
  const EffectIds* ids;
};

/// Applies the events in this order, those of one kind that stand together with a few statements for all. One
/// that was applied before changes nothing. On an error the caller takes everything back: some may have been
/// applied. Errors that are an event's own against those of the database: see is_fault_of_event.
/// No event is of an unknown type.
Result<void> apply(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now);

/// Whether the event will never be applied, however often it is tried: a dead letter.
bool is_fault_of_event(const Error& error);

}  // namespace perkline::hub::ingest
