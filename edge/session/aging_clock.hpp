#pragma once

#include "shared/core/clock.hpp"

namespace perkline::edge::session {

/// The wall time that sessions age by. It follows the wall clock as long as that drifts, and goes on steadily
/// when it jumps: a till's clock set right, or wrong, in the midst of a sale ends no session. A new process
/// trusts the wall clock anew. One thread.
class AgingClock {
 public:
  /// Further than this at once is a jump.
  static constexpr minutes drift_max{5};

  AgingClock(WallTime wall, MonoTime mono) : wall_(wall), mono_(mono) {}

  WallTime at(WallTime wall, MonoTime mono) {
    wall_ += std::chrono::floor<Millis>(mono - mono_);
    mono_ += std::chrono::floor<Millis>(mono - mono_);
    if (std::chrono::abs(wall - wall_) <= drift_max) wall_ = wall;
    ahead_ = std::chrono::floor<Millis>(wall - wall_);
    return wall_;
  }
  /// How far the wall clock was off at the last look; zero as long as it has not jumped.
  Millis ahead() const { return ahead_; }

 private:
  WallTime wall_;
  MonoTime mono_;
  Millis ahead_{0};
};

}  // namespace perkline::edge::session
