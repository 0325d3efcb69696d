#include "tests/integration/paths.hpp"

namespace perkline::test {

std::string bin_dir() {
  return PERKLINE_BIN_DIR;
}

std::string clock_shift_library() {
  return PERKLINE_CLOCK_SHIFT_LIBRARY;
}

std::string edge_readme() {
  return PERKLINE_EDGE_README;
}

}  // namespace perkline::test
