#pragma once

#include "edge/session/session_store.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/keyed_lock.hpp"

namespace perkline::edge::session {

/// All that flows touch of the world. What is referred to outlives every flow.
struct Ports {
  SessionStore& store;
  pdi::Pdi& pdi;
  net::AsyncClock& clock;
  net::KeyedLock& locks;  ///< By session id, and by `transaction:<id>` while a session is opened.
  UuidMaker& uuids;
};

/// How long a call may wait for PDI.
struct PdiTimeouts {
  Millis identify{5000};
  Millis calculate{8000};
  Millis finalize{10'000};
  Millis status{3000};
};

/// The event that tells the hub of it, as part of the trace that `traceparent` belongs to.
inline journal::NewEvent new_event(const Ports& ports, std::string traceparent, sync::EventPayload payload) {
  return {.id = ports.uuids.next(),
          .time = ports.clock.wall_now(),
          .traceparent = std::move(traceparent),
          .payload = std::move(payload)};
}

}  // namespace perkline::edge::session
