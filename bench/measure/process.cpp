#include "bench/measure/process.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/utsname.h>
#include <thread>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "bench/fleet/children.hpp"

namespace perkline::bench {
namespace {

std::filesystem::path proc_of(pid_t process) {
  return "/proc/" + std::to_string(process);
}

/// The value of a line `Name: value` of a file, as it stands there.
std::string line_of(const std::filesystem::path& path, std::string_view name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name)) continue;
    const std::size_t begin = line.find_first_not_of(" \t:", name.size());
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

/// A line in kB; 0 if it is not there.
double kib_of(const std::filesystem::path& path, std::string_view name) {
  const std::string line = line_of(path, name);
  return line.empty() ? 0 : std::strtod(line.c_str(), nullptr);
}

cpu_set_t one(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  return set;
}

/// Of those that it has started, that have ended, and that it has waited for. Errors: io_failed.
Result<std::chrono::nanoseconds> ended_cpu(pid_t process) {
  std::ifstream file(proc_of(process) / "stat");
  std::string stat;
  std::getline(file, stat);
  // Behind the name, which may hold anything, the third field: of those waited for the 16th and 17th.
  const auto behind = stat.rfind(") ");
  std::istringstream fields(behind == std::string::npos ? std::string() : stat.substr(behind + 2));
  constexpr int fields_before = 13;
  std::string skipped;
  for (int i = 0; i < fields_before; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  if (!(fields >> user >> system)) return fail(Errc::io_failed, fmt::format("process {} is gone", process));
  const std::chrono::duration<double> ended((user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(ended);
}

}  // namespace

Result<ProcessUse> use_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    return fail(Errc::io_failed, fmt::format("process {} is gone", process));
  constexpr double kib_of_mib = 1024;
  return ProcessUse{.cpu = std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec),
                    .rss_mib = kib_of(proc_of(process) / "status", "VmRSS") / kib_of_mib,
                    .rss_peak_mib = kib_of(proc_of(process) / "status", "VmHWM") / kib_of_mib};
}

Result<std::chrono::nanoseconds> family_cpu(pid_t process) {
  while (true) {
    const auto ended = ended_cpu(process);
    if (!ended) return ended;
    std::chrono::nanoseconds sum = *ended;
    for (const pid_t child : children_of(process)) {
      if (const auto use = use_of(child); use) sum += use->cpu;
    }
    const auto own = use_of(process);
    if (!own) return std::unexpected(own.error());
    // One that was waited for meanwhile may be in both, or in neither.
    if (ended_cpu(process).value_or(std::chrono::nanoseconds::min()) == *ended) return sum + own->cpu;
  }
}

std::chrono::nanoseconds load_cpu(pid_t beside) {
  std::chrono::nanoseconds sum{};
  for (const pid_t process : {::getpid(), beside}) {
    if (process == 0) continue;
    if (const auto use = use_of(process); use) sum += use->cpu;
  }
  return sum;
}

void forget_peak(pid_t process) {
  std::ofstream(proc_of(process) / "clear_refs") << "5";
}

std::string Cores::text() const {
  return apart() ? fmt::format("server on core {}, load on core {}", server, load)
                 : "one core for server and load: ratios count, figures do not";
}

Cores choose_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  Cores cores;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return cores;
  for (int core = 0; cores.load < 0; ++core) {
    if (!CPU_ISSET(static_cast<std::size_t>(core), &allowed)) continue;
    (cores.server < 0 ? cores.server : cores.load) = core;
  }
  return cores;
}

OnCore::OnCore(int core) {
  CPU_ZERO(&before_);
  if (core < 0 || ::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  const cpu_set_t set = one(core);
  changed_ = ::sched_setaffinity(0, sizeof set, &set) == 0;
}
OnCore::~OnCore() {
  if (changed_) ::sched_setaffinity(0, sizeof before_, &before_);
}

Machine this_machine() {
  constexpr double kib_of_gib = 1024.0 * 1024.0;
  utsname name{};
  ::uname(&name);
  const std::string cpu = line_of("/proc/cpuinfo", "model name");
  return {.cpu = cpu.empty() ? name.machine : cpu,
          .cores = std::thread::hardware_concurrency(),
          .memory_gib = kib_of("/proc/meminfo", "MemTotal") / kib_of_gib,
          .kernel = fmt::format("{} {}", name.sysname, name.release)};
}

}  // namespace perkline::bench
