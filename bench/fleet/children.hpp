#pragma once

#include <sys/types.h>
#include <vector>

namespace perkline::bench {

/// The processes that `parent` has started itself, and that are there still.
std::vector<pid_t> children_of(pid_t parent);

}  // namespace perkline::bench
