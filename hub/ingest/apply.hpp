#pragma once

#include <optional>
#include <span>
#include <string>

#include "hub/ingest/told.hpp"
#include "hub/wheel/terms.hpp"

namespace perkline::hub::ingest {

/// An event and what it needs. Refers to what its maker holds.
struct ToldEvent {
  const sync::Event* event;
  const EffectIds* ids;
  std::string_view bytes;  ///< As journalled.
};

/// Where in which history an event was sent.
struct Place {
  StoreId store;
  std::uint64_t epoch = 1;
  std::uint64_t sequence = 0;
};

/// Why an event that was sent in `place` must not be applied, whatever the database holds: it cannot be read,
/// claims another place, or is of an unknown type. nullopt: it may be. Pure.
std::optional<std::string> unfit(const Result<sync::Event>& event, const Place& place);

/// With many writers: locks the cards of a batch that are known, in rising order: for events that are then
/// applied one by one. Errors: the database's.
Result<void> hold_known_cards(db::Transaction& transaction, std::span<const ToldEvent> events);

/// Applies one store's events, those of one kind with a few statements for all: each session's in this order,
/// which alone matters. One that was applied before changes nothing. With many writers all cards of the batch
/// are locked in rising order, new ones among them: two stores' batches would else stop one another, again
/// and again once both have much to tell. On an error the caller takes everything back: some may have been
/// applied. `clock_off`: what the hub's clock is ahead of the store's. Errors that are an event's own against
/// those of the database: see is_fault_of_event. No event is unfit.
Result<void> apply(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
                   const wheel::Terms& terms, Millis clock_off = {});

/// Whether the event cannot be applied as things stand, however often it is tried: a dead letter.
bool is_fault_of_event(const Error& error);

}  // namespace perkline::hub::ingest
