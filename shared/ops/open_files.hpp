#pragma once

#include <cstddef>

namespace perkline::ops {

/// Lets the process open as many files as it may at all, and tells how many those are. Sockets count.
std::size_t raise_open_files_limit();

}  // namespace perkline::ops
