#include "bench/measure/turns.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bench/measure/progress.hpp"
#include "shared/core/random.hpp"

namespace perkline::bench {
namespace {

template <class Of>
double median_turn(const std::vector<Figures>& turns, Of of) {
  std::vector<double> values;
  values.reserve(turns.size());
  for (const Figures& turn : turns) values.push_back(of(turn));
  return median_of(std::move(values));
}

template <class Of>
Ratio ratio_by(std::string name, const Series& above, const Series& below, Of of) {
  Ratio ratio{.name = std::move(name)};
  for (std::size_t i = 0; i < std::min(above.turns.size(), below.turns.size()); ++i) {
    const double divisor = of(below.turns[i]);
    ratio.rounds.push_back(divisor > 0 ? of(above.turns[i]) / divisor : 0);
  }
  return ratio;
}

/// The median below which this share of all that may be drawn lies.
double quantile_of(const std::vector<double>& rounds, double share) {
  constexpr std::size_t draws = 2000;
  if (rounds.empty()) return 0;
  SeededRng rng(1);
  std::vector<double> medians;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    std::vector<double> drawn;
    for (std::size_t i = 0; i < rounds.size(); ++i) drawn.push_back(rounds[rng.below(rounds.size())]);
    medians.push_back(median_of(std::move(drawn)));
  }
  std::ranges::sort(medians);
  return medians[static_cast<std::size_t>(share * (draws - 1))];
}

constexpr double either_end = 0.025;

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
double Series::database_cpu_ms_per_operation() const {
  return median_turn(turns, [](const Figures& turn) { return turn.database_cpu_ms_per_operation(); });
}
double Series::load_share() const {
  return median_turn(turns, [](const Figures& turn) { return turn.load_share(); });
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
  return median_of(rounds);
}
double Ratio::low() const {
  return quantile_of(rounds, either_end);
}
double Ratio::high() const {
  return quantile_of(rounds, 1 - either_end);
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
  return ratio_by(fmt::format("{} / {}", subject.name, ceiling.name), subject, ceiling,
                  [](const Figures& turn) { return turn.per_second(); });
}

Ratio cpu_ratio_of(const Series& subject, const Series& ceiling) {
  return ratio_by(fmt::format("{} / {}, by CPU time", subject.name, ceiling.name), ceiling, subject,
                  [](const Figures& turn) { return turn.cpu_ms_per_operation(); });
}

}  // namespace perkline::bench
