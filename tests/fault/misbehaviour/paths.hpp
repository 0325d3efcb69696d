#pragma once

#include <string>

#include "tests/integration/paths.hpp"

namespace perkline::test {

std::string matrix_file();
std::string name_service_library();

}  // namespace perkline::test
