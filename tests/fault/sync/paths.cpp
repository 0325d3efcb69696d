#include "tests/integration/paths.hpp"

#include <cstdlib>

namespace perkline::test {

/// PERKLINE_BIN_DIR: other binaries than those of this build, for a long run that is not to be disturbed.
std::string bin_dir() {
  const char* elsewhere = std::getenv("PERKLINE_BIN_DIR");
  return elsewhere == nullptr ? PERKLINE_BIN_DIR : elsewhere;
}

}  // namespace perkline::test
