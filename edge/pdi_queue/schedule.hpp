#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "edge/pdi_queue/doubt.hpp"
#include "shared/core/ids.hpp"

namespace perkline::edge::pdi_queue {

/// Which session is worked on next: those in doubt first, then the one that has been due longest. One that
/// failed waits for its next try, and younger ones go first meanwhile, until recall(). Holds what fits in
/// memory; the rest stays on disk. Pure.
class Schedule {
 public:
  struct Entry {
    MonoTime due;
    MonoTime came;
    std::uint64_t order = 0;  ///< Of its coming: who came first goes first.
    unsigned failures = 0;    ///< In a row.
    MonoTime not_before{};    ///< PDI asked for it: no call of it is due earlier, whatever else is.
    std::optional<Doubt> doubt = std::nullopt;
    bool working = false;
  };

  explicit Schedule(std::size_t count_max) : count_max_(count_max) {}

  /// False when it is known already, or there is no room.
  bool add(const SessionId& id, MonoTime due);
  bool knows(const SessionId& id) const { return entries_.contains(id); }
  std::size_t size() const { return entries_.size(); }
  bool full() const { return entries_.size() >= count_max_; }

  /// Takes out the next one that is due, to be worked on until put_back() or remove().
  std::optional<SessionId> take(MonoTime now);
  /// While it is worked on.
  Entry& working(const SessionId& id) { return entries_.at(id); }
  void put_back(const SessionId& id, MonoTime due);
  void remove(const SessionId& id);
  /// Sales that wait only because they failed or were put off are due again, at the place at which they came.
  void recall(MonoTime now);

  /// When the next one is due; nullopt: none waits.
  std::optional<MonoTime> next_due() const;

 private:
  struct Place {
    MonoTime due;
    std::uint64_t order;
    SessionId id;
    auto operator<=>(const Place&) const = default;
  };
  static Place place_of(const SessionId& id, const Entry& entry) { return {entry.due, entry.order, id}; }
  std::set<Place>& line_of(const Entry& entry) { return entry.doubt ? doubts_ : sales_; }

  std::size_t count_max_;
  std::uint64_t arrivals_ = 0;
  std::unordered_map<SessionId, Entry> entries_;
  std::set<Place> doubts_;
  std::set<Place> sales_;
};

}  // namespace perkline::edge::pdi_queue
