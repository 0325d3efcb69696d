#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/fault/rig/supervisor.hpp"
#include "tests/support/failpoint.hpp"

namespace perkline::test {

/// What was to happen to a daemon within that time.
struct Asked {
  Supervisor::Part part;
  Happening happening;
  std::chrono::steady_clock::time_point from;
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

/// The ends that nobody has asked for, a line each: a daemon crashes only where it was told to, and gives up
/// only when its disk fails it. `hub`: the hub's part.
std::vector<std::string> unasked_ends(const std::vector<Supervisor::End>& ends,
                                      const std::vector<Asked>& asked, Supervisor::Part hub);

}  // namespace perkline::test
