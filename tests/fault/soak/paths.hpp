#pragma once

#include <string>

/// Where the build has put what is preloaded into the daemons.
namespace perkline::soak {

std::string failpoint_library();
std::string small_disk_library();
std::string clock_shift_library();

}  // namespace perkline::soak
