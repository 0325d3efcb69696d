#include "tests/fault/rig/ends.hpp"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

namespace perkline::test {
namespace {

constexpr int of_signals = 128;

bool is_of_disk(Happening happening) {
  return happening == Happening::io_error || happening == Happening::disk_full;
}

/// A daemon whose disk fails it says so and ends with 1. Before that RocksDB may fail an assertion of its
/// own, of which there is none in the hub.
bool explains(Happening happening, int status, bool of_hub) {
  if (!is_of_disk(happening)) return status == of_signals + SIGKILL;
  return status == 1 || (status == of_signals + SIGABRT && !of_hub);
}

}  // namespace

std::vector<std::string> unasked_ends(const std::vector<Supervisor::End>& ends,
                                      const std::vector<Asked>& asked, Supervisor::Part hub) {
  std::vector<std::string> unasked;
  for (const Supervisor::End& end : ends) {
    const bool of_hub = end.part == hub;
    const bool explained = std::ranges::any_of(asked, [&](const Asked& what) {
      return what.part == end.part && what.from <= end.at && end.at <= what.until &&
             explains(what.happening, end.status, of_hub);
    });
    if (explained) continue;
    const std::string name = of_hub ? "the hub" : fmt::format("edge-{}", end.part + 1);
    unasked.push_back(fmt::format("{} has ended by itself, with status {}", name, end.status));
  }
  return unasked;
}

}  // namespace perkline::test
