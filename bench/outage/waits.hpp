#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "bench/load/till.hpp"
#include "bench/measure/histogram.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// How long tills waited in one spell.
struct Waits {
  std::string spell;
  Histogram times = {};
  std::chrono::nanoseconds latest{};  ///< The longest that a call was sent after it was due.

  void add(const CallTime& call);
};

/// Every call of every till. Thread-safe.
class CallBook {
 public:
  void add(const CallTime& call);
  /// What was added, in no order.
  std::vector<CallTime> take();

 private:
  std::mutex mutex_;
  std::vector<CallTime> calls_;
};

using SteadyTime = std::chrono::steady_clock::time_point;

/// From an instant to another, the latter not included.
struct Spell {
  SteadyTime from;
  SteadyTime to;
  bool holds(SteadyTime time) const { return from <= time && time < to; }
};

/// When the edge's circuit breaker for PDI was not closed, by what its log says of each change. Errors:
/// io_failed.
Result<std::vector<Spell>> breaker_spells(const std::filesystem::path& edge_log);

}  // namespace perkline::bench
