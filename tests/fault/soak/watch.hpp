#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

#include "bench/measure/histogram.hpp"

namespace perkline::soak {

/// What a daemon uses, as the kernel tells.
struct Use {
  std::int64_t rss_kib = 0;
  std::int64_t descriptors = 0;
  std::int64_t threads = 0;
};
/// All zero when there is no such process (any more).
Use use_of(pid_t pid);

struct Bounds {
  std::int64_t rss_kib_max = 256 * 1024;
  std::int64_t descriptors_max = 512;
  /// From the second to the last quarter of one process's life; a life of few samples proves nothing.
  std::int64_t rss_growth_kib_max = 24 * 1024;
  std::int64_t descriptors_growth_max = 32;
  std::chrono::milliseconds p99_max{2500};
};

/// The waits of an edge's tills, those apart in which the edge was away or its disk full. Any thread.
class TillWaits {
 public:
  void add(std::chrono::nanoseconds took, bool disturbed);
  struct Spell {
    bench::Histogram quiet;
    bench::Histogram disturbed;
  };
  /// Since the last take().
  Spell take();
  Spell all() const;

 private:
  mutable std::mutex mutex_;
  Spell spell_;
  Spell all_;
};

/// Gathers samples and says what is out of bounds. One thread.
class Watch {
 public:
  explicit Watch(Bounds bounds) : bounds_(bounds) {}

  /// `part`: `edge-1`, `hub`.
  void note(const std::string& part, pid_t pid, const Use& use);
  /// `waits` of that edge since the last time.
  void note_waits(const std::string& part, const TillWaits::Spell& waits);

  /// What is out of bounds by now; empty: nothing.
  const std::vector<std::string>& breaches() const { return breaches_; }
  /// Also what has grown.
  std::vector<std::string> judge() const;
  std::string to_table() const;

 private:
  struct Life {
    pid_t pid = 0;
    std::vector<Use> samples;
  };
  struct Part {
    std::vector<Life> lives;
    std::int64_t rss_kib_most = 0;
    std::int64_t descriptors_most = 0;
    int slow_spells = 0;  ///< In a row.
    bench::Histogram quiet;
  };
  void breach(std::string what);

  const Bounds bounds_;
  std::map<std::string, Part> parts_;
  std::vector<std::string> breaches_;
};

}  // namespace perkline::soak
