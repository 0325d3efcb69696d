#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::events {

/// Something that happened in the hub. Goes out as `{id, type, version, occurredAt, traceparent, data}`.
struct DomainEvent {
  Uuid id;                   ///< UUIDv7, for ever unique; makes the event known again where it arrives twice.
  std::string type;          ///< `SALE_FINALIZED`.
  std::int64_t version = 1;  ///< Of `data`, which only ever grows.
  WallTime occurred_at;
  std::string traceparent;  ///< Empty: none is known.
  std::string data;         ///< A JSON object.
  /// The one that `data` names as customerId: it goes when its holder is erased.
  std::optional<CustomerId> card = std::nullopt;
};

/// Writes the events down in the transaction of what they tell of: both are there, or neither. Errors:
/// already_exists (an id), the database's.
Result<void> append(db::Transaction& transaction, std::span<const DomainEvent> events);
inline Result<void> append(db::Transaction& transaction, const DomainEvent& event) {
  return append(transaction, {&event, 1});
}

}  // namespace perkline::hub::events
