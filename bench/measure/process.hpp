#pragma once

#include <chrono>
#include <cstdint>
#include <sched.h>
#include <string>
#include <sys/types.h>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// What a process has used so far.
struct ProcessUse {
  std::chrono::nanoseconds cpu{};  ///< User and system, of all threads that it has or had.
  double rss_mib = 0;              ///< Resident now.
  double rss_peak_mib = 0;         ///< The most that was resident since its start, or `forget_peak`.
};

/// Errors: io_failed (it is gone).
Result<ProcessUse> use_of(pid_t process);
/// CPU time that a process, all that it has started itself, and those of them that have ended and were waited
/// for have used so far: a PostgreSQL server's. Errors: io_failed (it is gone).
Result<std::chrono::nanoseconds> family_cpu(pid_t process);
/// CPU time of this process and, unless it is 0, of the one beside it that is part of the load.
std::chrono::nanoseconds load_cpu(pid_t beside);
/// From now on the peak counts anew.
void forget_peak(pid_t process);

/// One core for what is measured, another for what puts it under load. On a machine with one core, -1: then
/// nothing is pinned.
struct Cores {
  int server = -1;
  int load = -1;
  bool apart() const { return server >= 0; }
  std::string text() const;  ///< For the report.
};
/// Of a report where nothing is pinned.
inline constexpr const char* shared_cores = "all, shared by the hub, its database and the load";
/// Of those that this process may use, the first and the second.
Cores choose_cores();

/// This thread runs on one core, and so does every process and thread that it starts, for as long as this
/// lives. -1: nothing changes.
class OnCore {
 public:
  explicit OnCore(int core);
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;
  ~OnCore();

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

struct Machine {
  std::string cpu;
  unsigned cores = 0;
  double memory_gib = 0;
  std::string kernel;
};
Machine this_machine();

}  // namespace perkline::bench
