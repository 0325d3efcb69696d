#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// A session as the journal keeps it: one format byte, then session.proto. Every format ever written stays
/// readable.
std::string encode(const Session& session);

/// Errors: newer_format (the format byte is beyond ours), corrupt.
Result<Session> decode(std::string_view record);

/// A session, and where it lies.
struct Kept {
  Session session;
  std::optional<WallTime> archived_at = std::nullopt;  ///< nullopt: it is not archived.
};
/// In the archive: one format byte, when it came there (ms since 1970, big-endian), then the session's
/// record.
std::string encode_archived(const Session& session, WallTime archived_at);
/// Errors: newer_format, corrupt.
Result<Kept> decode_archived(std::string_view record);

/// The same for a return that has no session here.
std::string encode(const ForeignReturn& foreign);
Result<ForeignReturn> decode_foreign_return(std::string_view record);

}  // namespace perkline::edge::session
