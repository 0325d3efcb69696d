#pragma once

#include <string>

/// Where the build has put things. In a file of their own, so that no other one depends on where that is.
namespace perkline::test {

std::string bin_dir();
std::string clock_shift_library();

}  // namespace perkline::test
