#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <sys/types.h>

#include "bench/measure/figures.hpp"
#include "bench/measure/load.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

struct DriveOptions {
  std::chrono::milliseconds warm_up{1000};  ///< Under load, but not counted.
  std::chrono::milliseconds time{5000};
  /// How long the first may take to end: the time goes on so far. What stands still for a while is slow, and
  /// no error.
  std::chrono::milliseconds first_within{10'000};
  /// Operations a second, each at its own time (open loop): latency counts from then, also while no lane is
  /// free. 0: a lane's next begins when its last has ended (closed loop); corrected afterwards by the mean
  /// time from one to the next.
  double rate = 0;
  /// Ends when so many units are done, after no more than `time`; 0: by time alone.
  std::uint64_t units = 0;
  pid_t server = 0;    ///< Whose CPU time and memory are looked at; 0: nobody's.
  pid_t beside = 0;    ///< Who shares the load's core and counts as load, such as PDI's sandbox; 0: nobody.
  pid_t database = 0;  ///< Whose CPU time, with that of all it has started; 0: nobody's.
  const std::atomic<bool>* stop = nullptr;
  /// Told now and then how long it has been going on, warm-up included.
  std::function<void(std::chrono::milliseconds)> progress = {};
  /// Likewise how many units are done, warm-up not included.
  std::function<void(std::uint64_t)> counted = {};
};

/// Puts `load` to work, and waits for what is on its way at the end, whose latency counts too. Errors: the
/// load's own; io_failed (an operation, of warm-up too, ended otherwise than it should: figures of a server
/// that refuses mean nothing; or none ended within `first_within`);
/// cancelled (`stop`); timed_out (something did not end within 30 s).
Result<Figures> drive(Load& load, const DriveOptions& options);

}  // namespace perkline::bench
