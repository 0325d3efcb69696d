#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// How fast a daemon answers, and what it takes meanwhile.
namespace perkline::test {

using Milliseconds = std::chrono::duration<double, std::milli>;

Milliseconds time_of(const std::function<void()>& work);

/// Of these times, sorted, the one at `rank`: 0.5 the median, 0.99 what one in a hundred is beyond.
Milliseconds at_rank(std::vector<Milliseconds> times, double rank);

/// What the kernel says of a process's memory: `VmRSS` now, `VmHWM` at most.
std::int64_t memory_kib(pid_t process, std::string_view field);

}  // namespace perkline::test
