#include <array>

#include <fmt/format.h>

#include "bench/edge/lone_store.hpp"
#include "bench/edge/scenarios.hpp"
#include "bench/edge/till_turn.hpp"
#include "bench/measure/ceiling.hpp"

namespace perkline::bench {
namespace {

struct Level {
  std::size_t connections;
  double p99_goal_ms;
};
constexpr std::array loads{Level{32, 3}, Level{256, 10}};
constexpr double share_goal = 0.6;
constexpr double micros_of_milli = 1000;

/// What one number of connections has shown: the edge, both composite ceilings, HTTP alone.
void add_to(Report& report, std::vector<Series> series, const Level& load, bool paced) {
  const Series& edge = series[0];
  const Ratio by_three = ratio_of(edge, series[1]);
  const Ratio by_one = ratio_of(edge, series[2]);
  if (!paced) {
    report.at_least(fmt::format("of ceiling-till --puts 3, {} connections", load.connections),
                    by_three.median(), share_goal);
    report.at_least(fmt::format("stretch: of ceiling-till --puts 1, {} connections", load.connections),
                    by_one.median(), share_goal);
  }
  report.at_most(fmt::format("p99 at {} connections, ms", load.connections), edge.p99_us() / micros_of_milli,
                 load.p99_goal_ms);
  report.ratios.insert(report.ratios.end(), {by_three, cpu_ratio_of(edge, series[1]), by_one,
                                             cpu_ratio_of(edge, series[2]), ratio_of(edge, series[3])});
  std::ranges::move(series, std::back_inserter(report.series));
}

}  // namespace

Result<Report> run_standin(const MeasureOptions& options) {
  const Cores cores = choose_cores();
  const OnCore on(cores.load);
  auto store = LoneStore::prepare({.bin_dir = options.bin_dir, .folder = options.state_dir, .cores = cores});
  if (!store) return failure(store);
  if (auto started = store->start_edge(); !started) return failure(started);
  if (auto forced = store->force_open(); !forced) return failure(forced);

  std::vector<CeilingServer> ceilings;
  const auto ceiling = [&](const std::string& name, std::vector<std::string> arguments) -> Result<void> {
    auto server = CeilingServer::start(
        {.bin_dir = options.bin_dir, .name = name, .arguments = std::move(arguments), .core = cores.server},
        options.state_dir / fmt::format("ceiling-{}.log", ceilings.size()));
    if (!server) return failure(server);
    ceilings.push_back(std::move(*server));
    return {};
  };
  const auto data = [&](const char* name) { return (options.state_dir / name).string(); };
  if (auto up = ceiling("ceiling-till", {"--puts", "3", "--data", data("three")}); !up) return failure(up);
  if (auto up = ceiling("ceiling-till", {"--puts", "1", "--data", data("one")}); !up) return failure(up);
  if (auto up = ceiling("ceiling-http", {}); !up) return failure(up);

  Report report{
      .scenario = "edge-standin",
      .settings = {{"cores", cores.text()},
                   {"calls", "identify, calculateRewards, finalize; each on disk before its answer"}}};
  for (const Level& load : loads) {
    const auto turns_on = [&](std::string name, TillTurn turn) {
      turn.connections = load.connections;
      turn.rate = options.rate;
      return Contestant{fmt::format("{}, {}", name, load.connections),
                        [turn, &options](const TurnProgress& tell) { return run_turn(turn, options, tell); }};
    };
    const auto turns_on_ceiling = [&](std::string name, std::size_t number) {
      return turns_on(std::move(name), {.port = ceilings[number].port(),
                                        .server = ceilings[number].pid(),
                                        .connections = 0,
                                        .script = {}});
    };
    auto series =
        take_turns({turns_on("edge", {.port = store->port(),
                                      .server = store->edge_pid(),
                                      .connections = 0,
                                      .script = {.key = store->key(), .finalized = 202, .standin = true}}),
                    turns_on_ceiling("ceiling-till --puts 3", 0),
                    turns_on_ceiling("ceiling-till --puts 1", 1), turns_on_ceiling("ceiling-http", 2)},
                   {.title = fmt::format("edge-standin, {}", load.connections),
                    .rounds = options.rounds,
                    .turn = options.turn(),
                    .stop = options.stop});
    if (!series) return failure(series);
    add_to(report, std::move(*series), load, options.rate > 0);
  }
  if (auto stopped = store->stop_edge(); !stopped) return failure(stopped);
  return report;
}

}  // namespace perkline::bench
