#include "tests/integration/paths.hpp"

namespace perkline::test {

std::string bin_dir() {
  return PERKLINE_BIN_DIR;
}

std::string clock_shift_library() {
  return PERKLINE_CLOCK_SHIFT_LIBRARY;
}

std::string source_dir() {
  return PERKLINE_SOURCE_DIR;
}

}  // namespace perkline::test
