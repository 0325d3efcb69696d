#pragma once

#include <functional>

#include "edge/session/outcome.hpp"
#include "edge/session/ports.hpp"

namespace perkline::edge::session {

/// How a session that exists gets changed, by whomever: read, moved on and committed, with nobody else's
/// change in between, and with what it does to the member as the store knows it. Never held across a call to
/// PDI. Reactor's thread.
class SessionWriter {
 public:
  /// `timezone`: whose days the redemptions offline are counted by.
  SessionWriter(Ports ports, std::string timezone) : ports_(ports), timezone_(std::move(timezone)) {}

  /// `next` makes of the durable session what is to be committed. Durable when it returns; gives what was
  /// committed. Errors: not_found, what `next` gives, SessionStore::commit's.
  Task<Result<Session>> change(SessionId id, std::function<Result<Outcome>(Session)> next);

  /// Commits a new session, with the member as PDI has just told of him, if it did.
  Task<Result<void>> open(Session session, bool told_by_pdi);

  std::chrono::sys_days today() const;

 private:
  Task<Result<Session>> commit(Outcome outcome);
  Result<standin::Members::Writing> note_member(journal::Batch& batch, const Outcome& outcome);

  Ports ports_;
  std::string timezone_;
};

}  // namespace perkline::edge::session
