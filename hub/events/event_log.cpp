#include "hub/events/event_log.hpp"

namespace perkline::hub::events {

Result<void> append(db::Transaction& transaction, const DomainEvent& event) {
  auto appended = transaction.execute(
      "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data)"
      " VALUES ($1, $2, $3, $4, $5, $6)",
      {event.id.str(), event.type, event.version, event.occurred_at.time_since_epoch().count(),
       event.traceparent, event.data});
  if (!appended) return failure(appended);
  return {};
}

}  // namespace perkline::hub::events
