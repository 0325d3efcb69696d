#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// How many of them are kept in memory: 2 KiB each, about.
inline constexpr std::size_t sessions_at_work_max = 1024;

/// Sessions that tills are at work on, as the journal has them: their next call need not read and decode them
/// again. At most so many; who came first goes first.
class SessionsAtWork {
 public:
  explicit SessionsAtWork(std::size_t count_max) : count_max_(count_max) {}

  /// nullptr: it is not known here. Good until the next keep() or forget().
  const Session* find(const SessionId& id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &*place->second;
  }
  void keep(Session session) {
    forget(session.id);
    sessions_.push_back(std::move(session));
    places_.emplace(sessions_.back().id, std::prev(sessions_.end()));
    if (sessions_.size() <= count_max_) return;
    places_.erase(sessions_.front().id);
    sessions_.pop_front();
  }
  void forget(const SessionId& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    sessions_.erase(place->second);
    places_.erase(place);
  }

 private:
  std::size_t count_max_;
  std::list<Session> sessions_;
  std::unordered_map<SessionId, std::list<Session>::iterator> places_;
};

}  // namespace perkline::edge::session
