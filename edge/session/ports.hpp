#pragma once

#include "edge/session/session_store.hpp"
#include "edge/standin/members.hpp"
#include "edge/standin/redemption.hpp"
#include "edge/standin/rules_in_force.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/keyed_lock.hpp"

namespace perkline::edge::session {

/// All that flows touch of the world. What is referred to outlives every flow.
struct Ports {
  SessionStore& store;
  standin::Members& members;
  const standin::RulesInForce& rules;
  pdi::Pdi& pdi;         ///< For calls that a till waits for.
  pdi::Pdi& settlement;  ///< For calls that none does.
  net::AsyncClock& clock;
  net::KeyedLock& locks;  ///< By session id, `state:<session>`, and `transaction:<id>`.
  UuidMaker& uuids;
};

/// How long a call may wait for PDI.
struct PdiTimeouts {
  Millis identify{5000};
  Millis calculate{8000};
  Millis finalize{10'000};
  Millis status{3000};
};

/// Who answers when PDI does not (edge.md, "Stand-in").
struct StandIn {
  bool enabled = false;
  Millis deadline{2000};  ///< How long a till waits for PDI.
  standin::RedemptionLimits limits = {};
  std::string timezone = "UTC";
};

/// The event that tells the hub of it, as part of the trace that `traceparent` belongs to; of one of its own
/// where that is empty, as of a session that no call has finalized.
journal::NewEvent new_event(const Ports& ports, std::string traceparent, sync::EventPayload payload);

}  // namespace perkline::edge::session
