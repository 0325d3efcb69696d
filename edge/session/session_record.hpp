#pragma once

#include <string>
#include <string_view>

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// A session as the journal keeps it: one format byte, then session.proto. Every format ever written stays
/// readable.
std::string encode(const Session& session);

/// Errors: newer_format (the format byte is beyond ours), corrupt.
Result<Session> decode(std::string_view record);

}  // namespace perkline::edge::session
