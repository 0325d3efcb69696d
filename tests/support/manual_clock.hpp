#pragma once

#include "shared/core/clock.hpp"

namespace perkline::test {

/// Stands still until told otherwise. For pure code; flows take a SimWorld's clock.
class ManualClock : public Clock {
 public:
  WallTime wall_now() const override { return wall; }
  MonoTime mono_now() const override { return mono; }
  void advance(Millis by) {
    wall += by;
    mono += by;
  }

  WallTime wall = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
  MonoTime mono{hours{1}};
};

}  // namespace perkline::test
