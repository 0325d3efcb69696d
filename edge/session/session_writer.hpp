#pragma once

#include <functional>
#include <string>
#include <vector>

#include "edge/session/aging_clock.hpp"
#include "edge/session/outcome.hpp"
#include "edge/session/ports.hpp"

namespace perkline::edge::session {

/// How a session that exists gets changed, by whomever: read, moved on and committed, with nobody else's
/// change in between, and with what it does to the member as the store knows it. Never held across a call to
/// PDI. Reactor's thread.
class SessionWriter {
 public:
  /// `timezone`: whose days the redemptions offline are counted by.
  SessionWriter(Ports ports, std::string timezone);

  /// `next` makes of the durable session what is to be committed. Durable when it returns; gives what was
  /// committed. Waits behind other changes of that session, on a full disk until there is room. Errors:
  /// not_found, session_busy (it is held), cancelled, what `next` gives, SessionStore::commit's.
  Task<Result<SharedSession>> change(SessionId id, std::function<Result<Outcome>(Session)> next);
  /// Sessions that nobody is to change until it is known what became of them: after a restore. They are
  /// changed by recover() alone.
  void hold_those(std::function<bool(const SessionId&)> held) { held_ = std::move(held); }
  Task<Result<SharedSession>> recover(SessionId id, std::function<Result<Outcome>(Session)> next);

  /// Commits a new session, with the member as PDI has just told of him, if it did.
  Task<Result<void>> open(Session session, bool told_by_pdi);

  std::chrono::sys_days today() const;

  /// The wall time that sessions age by.
  WallTime aged_now();
  /// Past its time, and in a state in which that counts.
  bool is_old(const Session& session);
  /// The session as it was given, or as expired by now, by whomever. Errors: change()'s but for
  /// session_state.
  Task<Result<SharedSession>> expire_if_old(SharedSession session);
  /// Gives a session that was opened before there was a family `expiry` its place in there. Errors: the
  /// store's.
  Task<Result<void>> index_expiry(SessionId id);

  using Choice = std::function<bool(const Kept& kept)>;
  /// Moves those of `ids` that `chosen` picks into the archive, or forgets them for good with their
  /// transactions' names, as one batch. One that is being changed right now is left for another time. Gives
  /// how many went, durably. Errors: the store's.
  Task<Result<std::size_t>> archive(std::vector<SessionId> ids, Choice chosen);
  Task<Result<std::size_t>> remove(std::vector<SessionId> ids, Choice chosen);
  /// Puts the token in the place of whose those are (without_member), likewise.
  Task<Result<std::size_t>> forget_member(std::vector<SessionId> ids, CustomerId token, Choice chosen);

 private:
  /// Sessions that nobody else changes meanwhile.
  struct Held {
    std::vector<net::KeyedLock::Guard> turns;
    std::vector<Kept> kept;
    std::vector<Session> sessions();
  };
  void tell_jump();
  Task<Result<Held>> hold(std::vector<SessionId> ids, Choice chosen);
  Task<Result<SharedSession>> commit(Outcome outcome);
  Result<standin::Members::Writing> note_member(journal::Batch& batch, const Outcome& outcome);

  Ports ports_;
  std::string timezone_;
  AgingClock aging_;
  std::function<bool(const SessionId&)> held_;
  Millis ahead_told_{0};  ///< Of the wall clock, in the log.
};

}  // namespace perkline::edge::session
