#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "hub/db/database.hpp"
#include "hub/events/event_log.hpp"

namespace perkline::hub::events {

/// Where a consumer begins that the database does not know yet.
enum class Beginning : std::uint8_t {
  at_end = 1,  ///< With events that come after it.
  at_oldest,   ///< With the oldest one that is kept.
};

/// One that hears of events, each exactly once in effect, in their order.
struct Consumer {
  std::string_view name;  ///< In the database: never to change. Letters, digits and dashes.
  /// On the reactor's thread, before the transaction, so that it may draw ids; gives the work done in the
  /// transaction that also moves the offset. An error that is not the database's is the event's fault: the
  /// batch is then taken one by one, the failing event set aside, tried again with backoff, and then buried
  /// as a dead letter; others go on meanwhile. The work may run more than once, and not at all.
  std::function<std::function<Result<void>(db::Transaction&)>(std::span<const DomainEvent>)> take;
  Beginning beginning = Beginning::at_end;
};

}  // namespace perkline::hub::events
