#include "edge/pdi_queue/schedule.hpp"

#include <algorithm>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline::edge::pdi_queue {

bool Schedule::add(const SessionId& id, MonoTime due) {
  if (knows(id) || full()) return false;
  const auto [entry, added] = entries_.emplace(id, Entry{.due = due, .came = due, .order = ++arrivals_});
  PERKLINE_ASSERT(added);
  sales_.insert(place_of(id, entry->second));
  return true;
}

std::optional<SessionId> Schedule::take(MonoTime now) {
  for (std::set<Place>* line : {&doubts_, &sales_}) {
    if (line->empty() || line->begin()->due > now) continue;
    SessionId id = line->begin()->id;
    line->erase(line->begin());
    entries_.at(id).working = true;
    return id;
  }
  return std::nullopt;
}

void Schedule::put_back(const SessionId& id, MonoTime due) {
  Entry& entry = entries_.at(id);
  PERKLINE_ASSERT(entry.working);
  entry.working = false;
  entry.due = due;
  line_of(entry).insert(place_of(id, entry));
}

void Schedule::remove(const SessionId& id) {
  PERKLINE_ASSERT(entries_.at(id).working);
  entries_.erase(id);
}

void Schedule::recall(MonoTime now) {
  std::set<Place> recalled;
  for (const Place& place : sales_) {
    Entry& entry = entries_.at(place.id);
    entry.due = entry.not_before > now ? entry.not_before : entry.came;
    recalled.insert(place_of(place.id, entry));
  }
  sales_ = std::move(recalled);
}

std::optional<MonoTime> Schedule::next_due() const {
  std::optional<MonoTime> next;
  for (const std::set<Place>* line : {&doubts_, &sales_}) {
    if (!line->empty()) next = std::min(next.value_or(MonoTime::max()), line->begin()->due);
  }
  return next;
}

}  // namespace perkline::edge::pdi_queue
