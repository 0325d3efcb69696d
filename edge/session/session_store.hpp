#pragma once

#include <functional>
#include <optional>
#include <unordered_set>
#include <vector>

#include "edge/journal/outbox.hpp"
#include "edge/session/session.hpp"
#include "shared/net/task.hpp"

namespace perkline::edge::session {

/// Sessions in the journal: one record a session in `sessions`, its name for the till in `by_transaction`,
/// and a place in `due` while PDI's word on it is out, so that a start finds those without reading every
/// session. Reactor's thread.
class SessionStore {
 public:
  /// Both must outlive the store.
  SessionStore(journal::Journal& journal, journal::Outbox& outbox);

  /// What is durable; nullopt: there is none. Errors: corrupt, newer_format, io_failed.
  Result<std::optional<Session>> find(const SessionId& id) const;
  Result<std::optional<Session>> find(const TransactionId& transaction) const;

  /// Commits `next` with `events` as one: durable when it returns. The first version also takes the
  /// transaction's name. Errors: version_conflict (the stored version is not next's less one, or a commit of
  /// that session is under way), corrupt, newer_format, io_failed.
  Task<Result<void>> commit(Session next, std::vector<journal::NewEvent> events = {});

  /// The sessions that have a place in `due`, the longest waiting first. Errors: corrupt, io_failed.
  Result<std::vector<SessionId>> waiting() const;

  /// Called after each commit with the status the session came from (nullopt: it is new) and the one it is in
  /// now.
  using OnStep = std::function<void(std::optional<Status> from, Status to)>;
  void on_step(OnStep observe) { observe_ = std::move(observe); }

 private:
  Result<std::optional<Session>> predecessor(const Session& next) const;

  journal::Journal& journal_;
  journal::Outbox& outbox_;
  std::unordered_set<SessionId> committing_;
  OnStep observe_;
};

}  // namespace perkline::edge::session
