#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure/histogram.hpp"

namespace perkline::bench {

/// What one turn has shown.
struct Figures {
  std::uint64_t operations = 0;  ///< In units (load.hpp).
  std::uint64_t late =
      0;  ///< Calls that counting's end found on their way, or due and not begun; in `times`.
  double seconds = 0;
  double cpu_seconds = 0;           ///< Of the server's process meanwhile; 0: not looked at.
  double database_cpu_seconds = 0;  ///< Of the database's own processes, not in the above; 0: not looked at.
  double load_cpu_seconds = 0;      ///< Of who asks; 0: not looked at.
  double rss_mib = 0;               ///< The most that it had resident meanwhile; 0: not looked at.
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  Histogram times =
      {};  ///< Coordinated omission corrected; empty where a program told no more than the above.
  struct Kind {
    std::string name;
    Histogram times = {};
  };
  std::vector<Kind> kinds = {};  ///< Where there are several.

  double per_second() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
  double cpu_ms_per_operation() const {
    return operations > 0 ? cpu_seconds * 1000 / static_cast<double>(operations) : 0;
  }
  double database_cpu_ms_per_operation() const {
    return operations > 0 ? database_cpu_seconds * 1000 / static_cast<double>(operations) : 0;
  }
  /// Of one core. Near 1 on a core of its own, it is the load that ends the figures, not the server.
  double load_share() const { return seconds > 0 ? load_cpu_seconds / seconds : 0; }
  /// Takes the percentiles from `times`.
  void tell_percentiles();
};

double micros(std::chrono::nanoseconds duration);

/// With four digits, or all that stand before the point.
std::string shown(double value);

}  // namespace perkline::bench
