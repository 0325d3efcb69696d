#include "tests/integration/pace.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace perkline::test {

Milliseconds time_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - begun;
}

Milliseconds at_rank(std::vector<Milliseconds> times, double rank) {
  std::ranges::sort(times);
  return times.at(static_cast<std::size_t>(rank * static_cast<double>(times.size() - 1)));
}

std::int64_t memory_kib(pid_t process, std::string_view field) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(field) && line.size() > field.size() && line[field.size()] == ':')
      return std::stoll(line.substr(field.size() + 1));
  }
  return 0;
}

}  // namespace perkline::test
