#include "tests/fault/misbehaviour/paths.hpp"

#include <cstdlib>

namespace perkline::test {

std::string bin_dir() {
  return PERKLINE_BIN_DIR;
}

/// PERKLINE_MATRIX: another table, as to see whether a wrong one is found out.
std::string matrix_file() {
  const char* another = std::getenv("PERKLINE_MATRIX");
  return another == nullptr ? PERKLINE_MATRIX : another;
}

std::string name_service_library() {
  return PERKLINE_NAME_SERVICE_LIBRARY;
}

}  // namespace perkline::test
