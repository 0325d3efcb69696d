#pragma once

#include <chrono>
#include <string>

#include "shared/core/clock.hpp"

namespace perkline::edge::standin {

/// The day it is in `timezone` at `time`. `timezone`: a name of the tz database, known to this machine; the
/// configuration was checked for it.
std::chrono::sys_days local_day(const std::string& timezone, WallTime time);

}  // namespace perkline::edge::standin
