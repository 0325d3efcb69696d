#include <fmt/format.h>

#include "bench/edge/lone_store.hpp"
#include "bench/edge/scenarios.hpp"
#include "bench/edge/till_turn.hpp"
#include "bench/measure/ceiling.hpp"

namespace perkline::bench {
namespace {

constexpr std::size_t few = 32;
constexpr std::size_t many_in_earnest = 2000;
constexpr std::size_t many_quick = 100;
constexpr int delay_ms = 50;
constexpr double calls_of_sale = 3;
constexpr double cpu_goal_ms = 0.15;
constexpr double p99_goal_ms = 70;
constexpr double micros_of_milli = 1000;
/// Below what the edge does at most, and the same in every run: p99s at two rates do not compare.
constexpr double paced_rate = 2000;
constexpr double paced_rate_quick = 400;

Contestant contestant(const std::string& name, const LoneStore& store, const MeasureOptions& options,
                      std::size_t connections, double rate = 0) {
  return {name, [&, connections, rate](const TurnProgress& tell) {
            return run_turn({.port = store.port(),
                             .server = store.edge_pid(),
                             .sandbox = store.sandbox_pid(),
                             .connections = connections,
                             .script = {.key = store.key(), .finalized = 200, .standin = false},
                             .rate = rate},
                            options, tell);
          }};
}

}  // namespace

Result<Report> run_online(const MeasureOptions& options) {
  const std::size_t many = options.quick ? many_quick : many_in_earnest;
  const Cores cores = choose_cores();
  const OnCore on(cores.load);
  auto store = LoneStore::prepare({.bin_dir = options.bin_dir,
                                   .folder = options.state_dir,
                                   .cores = cores,
                                   .api_yaml = "max_connections: 4096",
                                   .pdi_yaml = "max_in_flight: 2048"});
  if (!store) return failure(store);
  if (auto started = store->start_sandbox(); !started) return failure(started);
  if (auto started = store->start_edge(); !started) return failure(started);

  Report report{.scenario = "edge-online",
                .measuring = {.rounds = options.rounds,
                              .seconds = std::chrono::duration<double>(options.time).count(),
                              .warm_up_seconds = std::chrono::duration<double>(options.warm_up).count()},
                .settings = {{"cores", cores.text() + "; the sandbox on the load's"},
                             {"PDI", "the sandbox over TLS"},
                             {"limits", "pdi.max_in_flight 2048, api.max_connections 4096"}}};
  auto composite =
      CeilingServer::start({.bin_dir = options.bin_dir,
                            .name = "ceiling-till",
                            .arguments = {"--puts", "3", "--data", (options.state_dir / "ceiling").string()},
                            .core = cores.server},
                           options.state_dir / "ceiling.log");
  if (!composite) return failure(composite);
  const Contestant ceiling{
      fmt::format("ceiling-till --puts 3, {} connections", few), [&](const TurnProgress& tell) {
        return run_turn(
            {.port = composite->port(), .server = composite->pid(), .connections = few, .script = {}},
            options, tell);
      }};
  const auto take = [&](std::vector<Contestant> contestants, const std::string& title) -> Result<void> {
    auto series =
        take_turns(contestants,
                   {.title = title, .rounds = options.rounds, .turn = options.turn(), .stop = options.stop});
    if (!series) return failure(series);
    std::ranges::move(*series, std::back_inserter(report.series));
    return {};
  };
  const std::string at_once = fmt::format("no delay, {} connections", few);
  if (auto taken = take({contestant(at_once, *store, options, few), ceiling}, "edge-online"); !taken)
    return failure(taken);
  report.ratios = {ratio_of(report.series[0], report.series[1]),
                   cpu_ratio_of(report.series[0], report.series[1])};
  report.at_most("CPU-ms a sale, no delay", report.series[0].cpu_ms_per_operation() * calls_of_sale,
                 cpu_goal_ms);

  auto delayed = store->set_fault(fmt::format(R"({{"endpoint":"*","mode":"delay","delayMs":{}}})", delay_ms));
  if (!delayed) return failure(delayed);
  const std::string held = fmt::format("{} ms, {} calls always open", delay_ms, many);
  if (auto taken = take({contestant(held, *store, options, many)}, "edge-online, 50 ms"); !taken)
    return failure(taken);
  const double rate = options.rate > 0 ? options.rate : options.quick ? paced_rate_quick : paced_rate;
  const std::string paced = fmt::format("{} ms, {:g} calls a second", delay_ms, rate);
  if (auto taken = take({contestant(paced, *store, options, many, rate)}, "edge-online, paced"); !taken)
    return failure(taken);
  report.at_most(fmt::format("p99 with {} calls always open, ms", many),
                 report.series[2].p99_us() / micros_of_milli, p99_goal_ms);
  report.at_most(fmt::format("p99 at {:g} calls a second, ms", rate),
                 report.series[3].p99_us() / micros_of_milli, p99_goal_ms);
  report.notes.push_back(
      "Every call was answered by PDI: one that the stand-in took would have ended the run.");
  if (auto stopped = store->stop_edge(); !stopped) return failure(stopped);
  return report;
}

}  // namespace perkline::bench
