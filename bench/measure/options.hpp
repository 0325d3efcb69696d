#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>

#include "bench/measure/report.hpp"

namespace perkline::bench {

/// How `perkline-bench` is to measure a scenario.
struct MeasureOptions {
  std::filesystem::path bin_dir = {};  ///< Where the daemons and the ceilings are.
  std::filesystem::path state_dir =
      "build/bench/state";  ///< For data and logs of what is started; empty at first.
  /// For SCENARIO.json and index.html. make_quick() puts it elsewhere: such figures never take real ones'
  /// place.
  std::filesystem::path out_dir = "build/bench";
  /// Many short turns, rather than a few long ones: a disk that others share changes its mind every few
  /// seconds, and only turns that lie close together have met the same one.
  std::size_t rounds = 9;
  std::chrono::milliseconds warm_up{500};
  std::chrono::milliseconds time{2000};  ///< Of a turn.
  double rate = 0;                       ///< Calls a second, open loop; 0: closed, as fast as they go.
  bool quick = false;                    ///< For function only: nothing of it is to be believed.
  bool json = false;
  const std::atomic<bool>* stop = nullptr;

  std::chrono::milliseconds turn() const { return warm_up + time; }
  /// Errors: cancelled (`stop`). To be asked between steps of setting up that take long.
  Result<void> unless_stopped() const;
  /// One round of a fraction of a second.
  void make_quick();
};

/// Adds how it was measured, where the scenario has not, publishes the report and prints it. Exit status: 0,
/// whether or not goals are met (figures drift from machine to machine); 1 when `report` is an error, or
/// nothing can be written; 130 when it was cancelled.
int conclude(Result<Report> report, const MeasureOptions& options);

}  // namespace perkline::bench
