#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// How many of them are kept in memory: 2 KiB each, about.
inline constexpr std::size_t sessions_at_work_max = 1024;

/// Of a session as it is stored, what its next version is held against.
struct Predecessor {
  std::uint64_t version = 0;
  Status status = Status::active;
  std::size_t returns = 0;
  std::optional<WallTime> next_attempt_at = std::nullopt;
  std::optional<WallTime> lapses_at = std::nullopt;    ///< nullopt: it does not.
  std::optional<WallTime> archived_at = std::nullopt;  ///< nullopt: it is not archived.
};
inline Predecessor predecessor_of(const Session& session,
                                  std::optional<WallTime> archived_at = std::nullopt) {
  return {.version = session.version,
          .status = session.status,
          .returns = session.returns.size(),
          .next_attempt_at = session.next_attempt_at,
          .lapses_at = may_expire(session) ? std::optional(session.expires_at) : std::nullopt,
          .archived_at = archived_at};
}

/// Sessions that tills are at work on, as the journal has them: their next call need not read and decode them
/// again. At most so many; who came first goes first.
class SessionsAtWork {
 public:
  explicit SessionsAtWork(std::size_t count_max) : count_max_(count_max) {}

  /// nullptr: it is not known here, or was taken. Good until the next keep(), take() or forget().
  const Session* find(const SessionId& id) const {
    const auto place = places_.find(id);
    return place == places_.end() || !place->second->session ? nullptr : &*place->second->session;
  }
  /// Of one that is kept here or was taken; nullptr: of neither. Good as find()'s.
  const Predecessor* predecessor(const SessionId& id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &place->second->stored;
  }
  /// For whoever makes its next version of it: spares the copy. What is stored is remembered.
  std::optional<Session> take(const SessionId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return std::nullopt;
    return std::exchange(place->second->session, std::nullopt);
  }
  void keep(Session session) {
    forget(session.id);
    const SessionId id = session.id;
    entries_.push_back({.id = id, .stored = predecessor_of(session), .session = std::move(session)});
    places_.emplace(id, std::prev(entries_.end()));
    if (entries_.size() <= count_max_) return;
    places_.erase(entries_.front().id);
    entries_.pop_front();
  }
  void forget(const SessionId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    entries_.erase(place->second);
    places_.erase(place);
  }

 private:
  struct Entry {
    SessionId id;
    Predecessor stored;
    std::optional<Session> session;
  };

  std::size_t count_max_;
  std::list<Entry> entries_;
  std::unordered_map<SessionId, std::list<Entry>::iterator> places_;
};

}  // namespace perkline::edge::session
