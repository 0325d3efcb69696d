#pragma once

#include "shared/sync/event.hpp"

namespace perkline::sync {

namespace v1 {
class Event;
}

/// Type and payload into the envelope.
void write_payload(const EventPayload& payload, v1::Event& out);

/// UnknownEvent for a type, or a schema, that a later version knows. Errors: malformed_answer.
Result<EventPayload> read_payload(const v1::Event& wire);

}  // namespace perkline::sync
