#pragma once

#include <cstdint>

namespace perkline {

/// Bugs that the simulation must be able to find, where no port lets it plant them from outside. Only its own
/// binary is compiled with PERKLINE_PLANTED_BUGS; everywhere else this is false at compile time.
enum class PlantedBug : std::uint8_t {
  lost_permit,        ///< The breaker's permit is not given back by a call that says nothing.
  wall_clock_expiry,  ///< Sessions age by the wall clock.
  refresh_stampede,   ///< Who finds no token refreshes it, whether or not a refresh is under way.
};

#ifdef PERKLINE_PLANTED_BUGS
bool planted(PlantedBug bug);  ///< The simulation's.
#else
constexpr bool planted(PlantedBug) {
  return false;
}
#endif

}  // namespace perkline
