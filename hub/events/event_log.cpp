#include "hub/events/event_log.hpp"

#include <vector>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::events {

Result<void> append(db::Transaction& transaction, std::span<const DomainEvent> events) {
  static const db::BulkStatement insert(
      "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data, card) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?)");
  std::vector<db::Value> values;
  for (const DomainEvent& event : events) {
    db::append_row(values, event.id.str(), event.type, event.version,
                   event.occurred_at.time_since_epoch().count(), event.traceparent, event.data,
                   event.card ? db::Value(event.card->str()) : db::Value(nullptr));
  }
  return insert.defer(transaction, std::move(values));
}

}  // namespace perkline::hub::events
