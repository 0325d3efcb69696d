#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/demo/reconcile.hpp"
#include "bench/load/replay.hpp"
#include "bench/outage/waits.hpp"

namespace perkline::bench {

enum class OutageKind : std::uint8_t {
  blackhole,        ///< PDI takes every call and never answers; then it is well again.
  frozen,           ///< PDI's process stands still: the kernel takes connections and nothing comes back.
  commit_timeouts,  ///< Three finalizes in ten are booked at PDI and never answered.
};

struct OutageOptions {
  OutageKind kind = OutageKind::blackhole;
  std::filesystem::path bin_dir = {};
  std::filesystem::path state_dir = {};  ///< Emptied.
  double rate = 200;               ///< Sales a second, each at its own time whether or not a till is free.
  std::chrono::seconds before{5};  ///< How long PDI is well at first,
  std::chrono::seconds trouble{60};
  std::chrono::seconds after{10};  ///< and how long tills go on selling once it is well again.
  std::size_t tills = 512;
  std::chrono::seconds settle_goal{120};
  std::chrono::milliseconds standin_deadline{2000};
  std::chrono::milliseconds late_goal{100};         ///< Beyond the stand-in's deadline.
  std::chrono::milliseconds breaker_open_goal{50};  ///< While the breaker is not closed.
  std::size_t pdi_in_flight_max = 64;
  bool short_timeouts = false;  ///< Of PDI's calls, and a breaker that soon tries again.
};

/// The full run as Perkline's goals name it, or one of a few seconds, whose times prove little.
OutageOptions outage_options(OutageKind kind, bool quick);

struct Goal {
  std::string name;
  double is;
  double most;
  bool met() const { return is <= most; }
};

struct OutageReport {
  ReplaySummary sales;
  std::vector<Waits> waits;  ///< By spell; the last is of all calls.
  std::vector<Goal> goals;
  Reconciliation reconciliation;
  std::size_t breaker_openings = 0;
  double load_before = 0;  ///< The machine's, of a minute.
  double load_after = 0;
  bool ok() const;
};

/// One store of real processes under load while PDI is in trouble, until all is settled and reconciled.
/// `stop` ends it early. Errors: io_failed (something does not start or answer), cancelled.
Result<OutageReport> run_outage(const OutageOptions& options, const std::atomic<bool>& stop);

std::string to_text(const OutageReport& report);
std::string to_json(const OutageReport& report);

}  // namespace perkline::bench
