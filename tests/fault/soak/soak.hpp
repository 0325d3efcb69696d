#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "shared/core/result.hpp"
#include "tests/fault/rig/oracle.hpp"
#include "tests/fault/soak/watch.hpp"

namespace perkline::soak {

struct SoakOptions {
  std::filesystem::path bin_dir;
  std::filesystem::path out;  ///< A folder: samples.csv, events.log, and `fleet` with all state and logs.
  std::chrono::seconds duration{3600};
  std::uint64_t seed = 1;
  std::size_t tills_per_edge = 4;
  std::chrono::milliseconds pause{500};  ///< Between two sales of a till, on average.
  Bounds bounds = {};
};

struct SoakReport {
  std::string watched;   ///< A table of what the daemons used and tills waited for.
  std::string mischief;  ///< What went wrong how often.
  test::Verdict verdict;
  std::vector<std::string> breaches;
  bool ok() const { return verdict.ok() && breaches.empty(); }
};

/// Two stores, the hub and PDI, all real, under every fault there is for so long, or until `stop` or a bound
/// is broken; then what the oracle says. A line on stdout at times. Errors: io_failed.
Result<SoakReport> soak(const SoakOptions& options, const std::atomic<bool>& stop);

}  // namespace perkline::soak
