#pragma once

#include <string>

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// Everything kept of a session, as JSON, for the store's own operators: it names the customer.
std::string render_details(const Session& session);

}  // namespace perkline::edge::session
