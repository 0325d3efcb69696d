#include "bench/fleet/children.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace perkline::bench {

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    // Behind the name, which may hold anything: state and parent.
    const auto behind = stat.rfind(") ");
    if (behind == std::string::npos || stat.size() < behind + 4) continue;
    if (std::atoi(stat.c_str() + behind + 4) == parent) found.push_back(std::atoi(name.c_str()));
  }
  return found;
}

}  // namespace perkline::bench
