#include "bench/measure/turns.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "bench/measure/progress.hpp"

namespace perkline::bench {
namespace {

template <class Of>
double median_turn(const std::vector<Figures>& turns, Of of) {
  std::vector<double> values;
  values.reserve(turns.size());
  for (const Figures& turn : turns) values.push_back(of(turn));
  return median_of(std::move(values));
}

std::vector<double> sorted(std::vector<double> values) {
  std::ranges::sort(values);
  return values;
}

/// How many of so many values may be left out at either end, and the median lies between the others still
/// with 95 %: each lies below it like a coin falls.
std::size_t outside_of_median(std::size_t count) {
  constexpr double either_end = 0.025;
  double exactly = std::pow(0.5, count);  // so many of them below
  double at_most = exactly;
  std::size_t out = 0;
  while (at_most <= either_end) {
    ++out;
    exactly *= static_cast<double>(count - out + 1) / static_cast<double>(out);
    at_most += exactly;
  }
  return out;
}

/// `above`'s figure by `below`'s.
template <class Of>
Ratio turn_by_turn(std::string name, const Series& above, const Series& below, Of of) {
  Ratio ratio{.name = std::move(name), .values = {}};
  for (std::size_t i = 0; i < std::min(above.turns.size(), below.turns.size()); ++i) {
    const double divisor = of(below.turns[i]);
    ratio.values.push_back(divisor > 0 ? of(above.turns[i]) / divisor : 0);
  }
  return ratio;
}

}  // namespace

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  values = sorted(std::move(values));
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Series::per_second() const {
  return median_turn(turns, [](const Figures& turn) { return turn.per_second(); });
}
double Series::p50_us() const {
  return median_turn(turns, [](const Figures& turn) { return turn.p50_us; });
}
double Series::p99_us() const {
  return median_turn(turns, [](const Figures& turn) { return turn.p99_us; });
}
double Series::p999_us() const {
  return median_turn(turns, [](const Figures& turn) { return turn.p999_us; });
}
double Series::cpu_ms_per_operation() const {
  return median_turn(turns, [](const Figures& turn) { return turn.cpu_ms_per_operation(); });
}
double Series::rss_mib() const {
  double most = 0;
  for (const Figures& turn : turns) most = std::max(most, turn.rss_mib);
  return most;
}
Histogram Series::times() const {
  Histogram all;
  for (const Figures& turn : turns) all.merge(turn.times);
  return all;
}

double Ratio::median() const {
  return median_of(values);
}
double Ratio::low() const {
  return values.empty() ? 0 : sorted(values)[outside_of_median(values.size())];
}
double Ratio::high() const {
  return values.empty() ? 0 : sorted(values)[values.size() - 1 - outside_of_median(values.size())];
}

Result<std::vector<Series>> take_turns(const std::vector<Contestant>& contestants,
                                       const TurnsOptions& options) {
  constexpr std::size_t steps = 1000;  // of the bar, a turn
  Progress bar(options.title, options.rounds * contestants.size() * steps, Progress::Tells::share);
  std::vector<Series> all;
  all.reserve(contestants.size());
  for (const Contestant& contestant : contestants) all.push_back({.name = contestant.name});
  for (std::size_t turn = 0; turn < options.rounds * contestants.size(); ++turn) {
    if (options.stop != nullptr && *options.stop) return fail(Errc::cancelled, "stopped");
    const std::size_t round = turn / contestants.size();
    const std::size_t place = turn % contestants.size();
    const std::size_t who = round % 2 == 0 ? place : contestants.size() - 1 - place;
    const Contestant& contestant = contestants[who];
    auto figures = contestant.turn([&](std::chrono::milliseconds elapsed) {
      const double share = std::chrono::duration<double>(elapsed) / options.turn;
      bar.show(turn * steps + static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * steps));
    });
    if (!figures)
      return fail(figures.error().code, fmt::format("{}: {}", contestant.name, figures.error().detail));
    all[who].turns.push_back(std::move(*figures));
    bar.show((turn + 1) * steps);
  }
  return all;
}

Ratio ratio_of(const Series& subject, const Series& ceiling) {
  return turn_by_turn(fmt::format("{} / {}", subject.name, ceiling.name), subject, ceiling,
                      [](const Figures& turn) { return turn.per_second(); });
}

Ratio cpu_ratio_of(const Series& subject, const Series& ceiling) {
  return turn_by_turn(fmt::format("{} / {}, by CPU time", subject.name, ceiling.name), ceiling, subject,
                      [](const Figures& turn) { return turn.cpu_ms_per_operation(); });
}

}  // namespace perkline::bench
