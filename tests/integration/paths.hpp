#pragma once

#include <string>

/// Where the build has put things, and where the sources lie. In a file of their own, so that no other one
/// depends on where that is.
namespace perkline::test {

std::string bin_dir();
std::string clock_shift_library();
std::string source_dir();

}  // namespace perkline::test
