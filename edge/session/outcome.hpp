#pragma once

#include <string>

#include "edge/session/session.hpp"
#include "shared/sync/event.hpp"

/// What PDI's word makes of a session that is finalizing. Pure; the caller commits it.
namespace perkline::edge::session {

struct Booked {
  Session session;  ///< finalized, with the till's answer.
  sync::SaleFinalized event;
};
/// PDI has booked the sale. Errors: session_state.
Result<Booked> booked(Session session, const pdi::Finalized& finalized, WallTime now);

/// PDI has refused the sale; `problem` is the body the till is told. Errors: session_state.
Result<Session> refused(Session session, ProviderFault refusal, std::string problem);

/// finalize has not left this machine: as if it had never been asked. Errors: session_state.
Result<Session> not_sent(Session session);

/// finalize is about to leave once more, as attempt number `attempts`, or that attempt has turned out not to
/// have left. Errors: session_state.
Result<Session> recounted(Session session, std::uint32_t attempts);

}  // namespace perkline::edge::session
