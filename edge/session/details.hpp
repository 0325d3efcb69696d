#pragma once

#include <string>

#include "edge/session/session_store.hpp"

namespace perkline::edge::session {

/// Everything kept of a session, as JSON, for the store's own operators: it names the customer.
std::string render_details(const Session& session);

/// What waits for PDI and what waits for a person: `{items:[{sessionId, status, transactionId, amount, …}]}`,
/// at most so many of each, those in review first. Errors: the store's.
Result<std::string> render_queue(const SessionStore& store, std::size_t count_max);
/// The sessions opened since then, likewise, the oldest first.
Result<std::string> render_sessions(const SessionStore& store, WallTime since, std::size_t count_max);

}  // namespace perkline::edge::session
