#pragma once

#include <array>
#include <string>

#include "hub/db/database.hpp"
#include "shared/sync/event.hpp"

namespace perkline::hub::ingest {

/// The ids an event's effects need, made before the transaction, which may run more than once.
using EffectIds = std::array<Uuid, 2>;

/// Books what the event tells. The same event again changes nothing. Errors that are the event's own (it
/// breaks a rule) against those of the database: see is_fault_of_event.
Result<void> apply(db::Transaction& transaction, const sync::Event& event, const EffectIds& ids,
                   WallTime now);

/// Whether the event will never be applied, however often it is tried: a dead letter.
bool is_fault_of_event(const Error& error);

}  // namespace perkline::hub::ingest
