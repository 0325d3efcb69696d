#pragma once

#include <string>

#include "edge/session/session_writer.hpp"

/// A person's decisions about a sale in review; each is kept with the session: when, what, by whom. Durable
/// when they return. Errors: not_found, session_state, SessionStore's.
namespace perkline::edge::session {

/// PDI is asked, or told, once more.
Task<Result<SharedSession>> retry_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                         std::string actor);

/// PDI will never book it: the till is refused, and the hub told if it was told of the sale.
Task<Result<SharedSession>> discard_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                           std::string reason, std::string actor);

}  // namespace perkline::edge::session
