#include <thread>

#include <fmt/format.h>

#include "bench/edge/lone_store.hpp"
#include "bench/edge/scenarios.hpp"
#include "bench/fleet/fleet.hpp"

namespace perkline::bench {
namespace {

using std::chrono::steady_clock;

struct Daemon {
  std::string name;  ///< As its log is named.
  double seconds_goal;
  double rss_goal_mib;
  std::function<Child&()> child;
  std::function<Result<void>()> launch;
};

/// Ended and started again, the time to its log's word `ready` being one turn's latency.
Result<Figures> start_once(const Daemon& daemon, const std::filesystem::path& log) {
  daemon.child().terminate();
  std::error_code none;
  const auto before = std::filesystem::file_size(log, none);
  const auto begin = steady_clock::now();
  if (auto launched = daemon.launch(); !launched) return failure(launched);
  if (!await_ready(daemon.child(), log, before))
    return fail(Errc::io_failed, daemon.name + " does not start");
  const auto took = steady_clock::now() - begin;
  Figures figures{.operations = 1, .seconds = std::chrono::duration<double>(took).count()};
  figures.times.add(took);
  figures.tell_percentiles();
  return figures;
}

/// Each start's memory is looked at when it has been idle for a while.
Result<void> measure(Report& report, const Fleet& fleet, const Daemon& daemon,
                     const MeasureOptions& options) {
  const auto idle = options.quick ? std::chrono::milliseconds(50) : std::chrono::milliseconds(2000);
  auto series = take_turns(
      {{daemon.name,
        [&](const TurnProgress&) -> Result<Figures> {
          auto figures = start_once(daemon, fleet.log_of(daemon.name));
          if (!figures) return figures;
          std::this_thread::sleep_for(idle);
          const auto use = use_of(daemon.child().pid());
          if (!use) return std::unexpected(use.error());
          figures->rss_mib = use->rss_mib;
          figures->cpu_seconds = std::chrono::duration<double>(use->cpu).count();
          return figures;
        }}},
      {.title = "start, " + daemon.name, .rounds = options.rounds, .turn = idle, .stop = options.stop});
  if (!series) return failure(series);
  const Series& all = series->front();
  report.at_most(daemon.name + ": cold start to ready, s", all.p50_us() / 1e6, daemon.seconds_goal);
  report.at_most(daemon.name + ": resident while idle, MiB", all.rss_mib(), daemon.rss_goal_mib);
  report.series.push_back(all);
  return {};
}

}  // namespace

Result<Report> run_start(const MeasureOptions& options) {
  auto fleet = Fleet::start({.bin_dir = options.bin_dir, .state_dir = options.state_dir, .edges = 1});
  if (!fleet) return failure(fleet);
  Report report{.scenario = "start",
                .measuring = {.rounds = options.rounds},
                .settings = {{"chain", "sandbox, a hub on SQLite, an edge: linked, with nothing to do"}},
                .notes = {"Process to ready, the files in the page cache; a turn's figures are one start."}};
  report.rates = false;
  const std::array daemons{Daemon{.name = "edge-1",
                                  .seconds_goal = 0.3,
                                  .rss_goal_mib = 40,
                                  .child = [&]() -> Child& { return fleet->edge(0); },
                                  .launch = [&] { return fleet->launch_edge(0); }},
                           Daemon{.name = "hub",
                                  .seconds_goal = 0.5,
                                  .rss_goal_mib = 80,
                                  .child = [&]() -> Child& { return fleet->hub(); },
                                  .launch = [&] { return fleet->launch_hub(); }}};
  for (const Daemon& daemon : daemons) {
    if (auto measured = measure(report, *fleet, daemon, options); !measured) return failure(measured);
  }
  return report;
}

}  // namespace perkline::bench
