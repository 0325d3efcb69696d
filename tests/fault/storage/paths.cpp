#include "tests/integration/paths.hpp"

namespace perkline::test {

std::string bin_dir() {
  return PERKLINE_BIN_DIR;
}

}  // namespace perkline::test
