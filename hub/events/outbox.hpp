#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/events/event_log.hpp"

/// The outbox as those see it who hear of its events: in the order of their positions, which are 1, 2, 3, …
/// without a hole and are given after the commit.
namespace perkline::hub::events {

struct PositionedEvent {
  std::int64_t position = 0;
  DomainEvent event;
};

/// Whether committed events wait for their position.
Result<bool> has_unnumbered(db::Transaction& transaction);

/// Gives positions to committed events that have none, up to `limit` of them, in the order in which they were
/// appended as far as their commits tell. Replicas wait for one another. Gives how many. Errors: the
/// database's.
Result<std::int64_t> number_events(db::Transaction& transaction, std::int64_t limit, WallTime now);

/// The last position given.
Result<std::int64_t> last_position(db::Transaction& transaction);

/// Up to `limit` events behind `after`, in order. Errors: the database's, corrupt.
Result<std::vector<PositionedEvent>> events_after(db::Transaction& transaction, std::int64_t after,
                                                  std::int64_t limit);
/// nullopt: it is not kept any more.
Result<std::optional<PositionedEvent>> event_at(db::Transaction& transaction, std::int64_t position);

/// The envelope: `{"id":…,"type":…,"version":…,"occurredAt":…,"traceparent":…,"data":{…}}`.
std::string envelope_of(const DomainEvent& event);

/// Drops up to `limit` events that were numbered before `before`, that every consumer is through with, and
/// that neither a dead letter nor a delivery refers to. Gives how many. Errors: the database's.
Result<std::int64_t> purge_events(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::events
