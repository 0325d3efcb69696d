#pragma once

#include <cstdint>

#include "shared/core/clock.hpp"

namespace perkline {

/// As databases and frames hold a time: ms since 1970 in UTC.
inline std::int64_t stamp(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace perkline
