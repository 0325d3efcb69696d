#pragma once

#include <cstddef>
#include <list>
#include <memory>
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

/// Sessions that somebody is at work on, as the journal has them: the next call need not read and decode them
/// again. At most so many; who came first goes first.
class SessionsAtWork {
 public:
  explicit SessionsAtWork(std::size_t count_max) : count_max_(count_max) {}

  /// nullptr: it is not known here, or was taken.
  SharedSession find(const SessionId& id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : place->second->session;
  }
  /// Of one that is kept here or was taken; nullptr: of neither. Good until the next keep() or forget().
  const Predecessor* predecessor(const SessionId& id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &place->second->stored;
  }
  /// For whoever makes its next version of it: spares the copy, unless somebody else still looks at it. What
  /// is stored is remembered.
  std::optional<Session> take(const SessionId& id) {
    const auto place = places_.find(id);
    if (place == places_.end() || !place->second->session) return std::nullopt;
    const std::shared_ptr<Session> taken = std::exchange(place->second->session, nullptr);
    if (taken.use_count() > 1) return *taken;
    return std::move(*taken);
  }
  SharedSession keep(Session session) {
    auto kept = std::make_shared<Session>(std::move(session));
    const auto [place, added] = places_.try_emplace(kept->id);
    if (!added) entries_.erase(place->second);
    entries_.push_back({.id = &place->first, .stored = predecessor_of(*kept), .session = kept});
    place->second = std::prev(entries_.end());
    if (entries_.size() > count_max_) {
      places_.erase(places_.find(*entries_.front().id));
      entries_.pop_front();
    }
    return kept;
  }
  void forget(const SessionId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    entries_.erase(place->second);
    places_.erase(place);
  }

 private:
  struct Entry {
    const SessionId* id;  ///< The key of its place.
    Predecessor stored;
    std::shared_ptr<Session> session;
  };

  std::size_t count_max_;
  std::list<Entry> entries_;
  std::unordered_map<SessionId, std::list<Entry>::iterator> places_;
};

}  // namespace perkline::edge::session
