#pragma once

#include "edge/session/outcome.hpp"
#include "shared/sync/frame.hpp"

/// What becomes of sessions that are open in a restored backup (edge.md, "Restore"). Pure.
namespace perkline::edge::session {

enum class Fate : std::uint8_t {
  keep,     ///< It has ended, or waits for a person: it stays as it is.
  adopt,    ///< PDI has booked it: the hub has its figures.
  reject,   ///< A person has closed it.
  abandon,  ///< The till has given it up.
  doubt,    ///< finalize may have reached PDI: it is asked before anything is sent.
  review,   ///< It may have been sold, and nobody can be asked: a person decides.
  ask_pdi,  ///< Booked, or never to be sent any more: PDI knows.
  expire,
};

/// `known`: what the hub told; nullptr: it has not heard of the session, or there is no hub.
Fate fate_of(const Session& session, const sync::KnownSale* known);

/// The session in doubt, with what the hub knows of its sale, and as acknowledged as the hub knows it. One
/// that is in doubt already only learns that. Errors: session_state.
Result<Outcome> doubted(Session session, const sync::KnownSale* known, WallTime now);

}  // namespace perkline::edge::session
