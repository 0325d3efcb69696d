#pragma once

#include <atomic>
#include <optional>

#include "shared/core/clock.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::clock {

/// A wall clock that is off by more than that is not gone by where nothing brings back what is done.
inline constexpr days off_max{1};
/// A clock in doubt that has run evenly for so long is believed, if nobody has said anything before.
inline constexpr hours believed_after{24};
/// How much it may be set in that time.
inline constexpr minutes uneven_max{5};

/// Whether the wall clock may be gone by where there is no way back: points that lapse, answers and events
/// that are forgotten, seeds that are shown. It is held against the monotonic clock since it was last known
/// to be right, and at the start against the time that was last vouched for (vouched_time.hpp). One thread's,
/// but for in_doubt().
class ClockGuard {
 public:
  /// In doubt until the first look(). `clock` must outlive this.
  explicit ClockGuard(const Clock& clock) : clock_(clock) {}

  /// The wall clock. Errors: session_state, as it is in doubt, with words for a person.
  Result<WallTime> now_for_good() const;

  /// Takes note of how the clock runs, and of the time that was last vouched for, nullopt where there never
  /// was any. Gives the time that may be vouched for from here on; nullopt: the clock is in doubt.
  std::optional<WallTime> look(std::optional<WallTime> vouched);

  /// As of the last look. Thread-safe.
  bool in_doubt() const { return in_doubt_; }

 private:
  /// Two readings of one moment.
  struct Reading {
    WallTime wall;
    MonoTime mono;
  };
  Reading read() const { return {.wall = clock_.wall_now(), .mono = clock_.mono_now()}; }
  /// How far `now`'s wall clock is off what has passed since `then`, in either direction.
  static Millis off(const Reading& then, const Reading& now);

  const Clock& clock_;
  std::optional<Reading> right_;  ///< When the clock was last known to be right.
  std::optional<Reading> even_;   ///< While it is in doubt: since when it has not been set.
  std::atomic<bool> in_doubt_ = false;
};

}  // namespace perkline::hub::clock
