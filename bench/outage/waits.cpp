#include "bench/outage/waits.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "bench/fleet/web.hpp"

namespace perkline::bench {
namespace {

/// A time of the log, which has milliseconds, on the clock that calls are measured by.
SteadyTime steady(WallTime time) {
  return std::chrono::steady_clock::now() + (time - std::chrono::system_clock::now());
}

}  // namespace

void Waits::add(const CallTime& call) {
  times.add(call.latency);
  latest = std::max(latest, call.late);
}

void CallBook::add(const CallTime& call) {
  const std::scoped_lock lock(mutex_);
  calls_.push_back(call);
}

std::vector<CallTime> CallBook::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(calls_, {});
}

Result<std::vector<Spell>> breaker_spells(const std::filesystem::path& edge_log) {
  std::ifstream log(edge_log);
  if (!log) return fail(Errc::io_failed, edge_log.string() + " cannot be read");
  std::vector<Spell> spells;
  std::string line;
  while (std::getline(log, line)) {
    if (line.find("the circuit breaker has changed") == std::string::npos) continue;
    const auto entry = json::parse(line);
    const auto time = entry ? parse_time(text_at(entry->root(), "timestamp")) : std::nullopt;
    if (!time) return fail(Errc::io_failed, edge_log.string() + " has a line without a time");
    if (text_at(entry->root(), "from") == "CLOSED") spells.push_back({steady(*time), SteadyTime::max()});
    if (text_at(entry->root(), "to") == "CLOSED" && !spells.empty()) spells.back().to = steady(*time);
  }
  return spells;
}

}  // namespace perkline::bench
