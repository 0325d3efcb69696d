#include <atomic>
#include <filesystem>
#include <map>
#include <optional>
#include <signal.h>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/demo/demo.hpp"
#include "bench/demo/progress.hpp"
#include "bench/demo/summary.hpp"
#include "bench/load/journey_csv.hpp"
#include "bench/load/replay.hpp"
#include "bench/outage/outage.hpp"

namespace {

using namespace perkline::bench;

constexpr int exit_ok = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

std::atomic<bool> stop_asked{false};

void ask_to_stop(int) {
  stop_asked = true;
}

struct ReplayFlags {
  std::string baskets;
  std::vector<std::string> edges;
  std::vector<std::string> keys;
  std::size_t concurrency = 8;
  double rate = 0;
  bool json = false;
};

/// Exit: 0 when every usable basket was acknowledged, 1 when not or the file cannot be read.
int run_replay(const ReplayFlags& flags) {
  if (flags.keys.size() > 1 && flags.keys.size() != flags.edges.size()) {
    fmt::print(stderr, "perkline-bench: --key: give none, one for all edges, or one for each\n");
    return exit_usage;
  }
  const auto file = read_journey(flags.baskets);
  if (!file) {
    fmt::print(stderr, "perkline-bench: --baskets: {}\n", file.error().detail);
    for (const auto& fault : file.error().faults)
      fmt::print(stderr, "perkline-bench: --baskets: {}: {}\n", fault.field, fault.message);
    return exit_failed;
  }
  ReplayOptions options{.edges = {}, .concurrency = flags.concurrency, .rate = flags.rate};
  for (std::size_t i = 0; i < flags.edges.size(); ++i) {
    options.edges.push_back(
        {flags.edges[i], flags.keys.empty() ? "" : flags.keys[flags.keys.size() == 1 ? 0 : i]});
  }
  ReplaySummary summary;
  {
    Progress progress("replay", file->baskets.size());
    summary = replay(file->baskets, options, stop_asked, [&](std::size_t done) { progress.show(done); });
  }
  fmt::print("{}", flags.json ? to_json(*file, summary, options) + "\n" : to_text(*file) + to_text(summary));
  return summary.sold.size() == file->baskets.size() ? exit_ok : exit_failed;
}

struct EdgeFlags {
  OutageKind scenario = OutageKind::blackhole;
  std::filesystem::path bin_dir;
  std::filesystem::path state_dir = "build/bench/outage";
  std::optional<double> rate;
  std::optional<int> seconds;
  std::optional<int> after;
  bool quick = false;
  bool json = false;
};

const std::map<std::string, OutageKind> scenarios{{"blackhole", OutageKind::blackhole},
                                                  {"frozen", OutageKind::frozen},
                                                  {"commit-timeouts", OutageKind::commit_timeouts}};

/// Exit: 0 when every goal was met.
int run_edge(const EdgeFlags& flags) {
  OutageOptions options = outage_options(flags.scenario, flags.quick);
  options.bin_dir = flags.bin_dir;
  options.state_dir = flags.state_dir;
  options.rate = flags.rate.value_or(options.rate);
  if (flags.seconds) options.trouble = std::chrono::seconds(*flags.seconds);
  if (flags.after) options.after = std::chrono::seconds(*flags.after);
  const auto report = run_outage(options, stop_asked);
  if (!report) {
    fmt::print(stderr, "perkline-bench: {}\n", report.error().detail);
    return exit_failed;
  }
  fmt::print("{}", flags.json ? to_json(*report) + "\n" : to_text(*report));
  return report->ok() ? exit_ok : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load, replay and the demo for Perkline", "perkline-bench");
  app.set_version_flag("--version", PERKLINE_VERSION);
  app.require_subcommand(1);

  ReplayFlags flags;
  auto* replay_command = app.add_subcommand("replay", "plays real receipts against edges");
  replay_command
      ->add_option("--baskets", flags.baskets, "CSV in the columns of The Complete Journey, plain or .gz")
      ->required();
  replay_command
      ->add_option("--edge", flags.edges, "an edge's URL; a store's baskets always go to the same one")
      ->required();
  replay_command->add_option("--key", flags.keys,
                             "terminal key: one for all edges, or one for each, in order");
  replay_command->add_option("--concurrency", flags.concurrency, "tills")->check(CLI::Range(1, 1024));
  replay_command->add_option("--rate", flags.rate, "sales a second; 0: as fast as they go")
      ->check(CLI::Range(0.0, 1e6));
  replay_command->add_flag("--json", flags.json, "the summary as JSON");

  EdgeFlags edge;
  std::error_code ignored;
  edge.bin_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  auto* edge_command = app.add_subcommand("edge", "one store under load while PDI is in trouble");
  edge_command->add_option("--scenario", edge.scenario, "blackhole, frozen or commit-timeouts")
      ->required()
      ->transform(CLI::CheckedTransformer(scenarios));
  edge_command->add_option("--bin", edge.bin_dir, "where the daemons are; by default beside this program");
  edge_command->add_option("--state", edge.state_dir,
                           "folder for keys, configurations, data and logs; emptied");
  edge_command->add_option("--rate", edge.rate, "sales a second")->check(CLI::Range(1.0, 1e5));
  edge_command->add_option("--seconds", edge.seconds, "how long the trouble lasts")
      ->check(CLI::Range(1, 86400));
  edge_command->add_option("--after", edge.after, "how long tills sell on once PDI is well, in seconds")
      ->check(CLI::Range(0, 86400));
  edge_command->add_flag("--quick", edge.quick, "a few seconds, with short time-outs and wide goals");
  edge_command->add_flag("--json", edge.json, "the report as JSON");

  DemoOptions demo;
  auto* demo_command = app.add_subcommand("demo", "a whole chain on loopback, with outages, reconciled");
  demo_command->add_option("--bin", demo.bin_dir, "where the daemons are")->required();
  demo_command->add_option("--state", demo.state_dir,
                           "folder for keys, configurations, data and logs; emptied");
  demo_command->add_option("--port-base", demo.port_base, "0: free ones")->check(CLI::Range(0, 64000));
  demo_command->add_option("--seconds", demo.seconds, "how long the made-up sales last")
      ->check(CLI::Range(6, 86400));
  demo_command->add_option("--baskets", demo.baskets_file, "real receipts instead of made-up ones");
  demo_command->add_option(
      "--mail", demo.mail_dir,
      "where npm's smtp-server is, which the hub then mails to; without it it mails nobody");
  demo_command->add_flag("--once", demo.once, "end after the table: 0 if all agree, 1 if not");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  struct sigaction action{};
  action.sa_handler = ask_to_stop;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  if (replay_command->parsed()) return run_replay(flags);
  return edge_command->parsed() ? run_edge(edge) : run_demo(demo, stop_asked);
}
