#include "bench/measure/turns.hpp"

#include <algorithm>

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

}  // namespace

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
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
std::uint64_t Series::failures() const {
  std::uint64_t all = 0;
  for (const Figures& turn : turns) all += turn.failures;
  return all;
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
  return values.empty() ? 0 : *std::ranges::min_element(values);
}
double Ratio::high() const {
  return values.empty() ? 0 : *std::ranges::max_element(values);
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
    const Contestant& contestant = contestants[turn % contestants.size()];
    auto figures = contestant.turn([&](std::chrono::milliseconds elapsed) {
      const double share = std::chrono::duration<double>(elapsed) / options.turn;
      bar.show(turn * steps + static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * steps));
    });
    if (!figures)
      return fail(figures.error().code, fmt::format("{}: {}", contestant.name, figures.error().detail));
    all[turn % contestants.size()].turns.push_back(std::move(*figures));
    bar.show((turn + 1) * steps);
  }
  return all;
}

Ratio ratio_of(const Series& subject, const Series& ceiling) {
  Ratio ratio{.name = fmt::format("{} / {}", subject.name, ceiling.name), .values = {}};
  for (std::size_t i = 0; i < std::min(subject.turns.size(), ceiling.turns.size()); ++i) {
    const double ceilings = ceiling.turns[i].per_second();
    ratio.values.push_back(ceilings > 0 ? subject.turns[i].per_second() / ceilings : 0);
  }
  return ratio;
}

}  // namespace perkline::bench
