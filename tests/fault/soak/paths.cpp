#include "tests/fault/soak/paths.hpp"

namespace perkline::soak {

std::string failpoint_library() {
  return PERKLINE_FAILPOINT_LIBRARY;
}
std::string small_disk_library() {
  return PERKLINE_SMALL_DISK_LIBRARY;
}
std::string clock_shift_library() {
  return PERKLINE_CLOCK_SHIFT_LIBRARY;
}

}  // namespace perkline::soak
