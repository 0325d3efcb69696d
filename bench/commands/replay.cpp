#include "bench/load/replay.hpp"

#include <memory>

#include <fmt/format.h>

#include "bench/commands/command.hpp"
#include "bench/demo/summary.hpp"
#include "bench/load/journey_csv.hpp"
#include "bench/measure/progress.hpp"

namespace perkline::bench {
namespace {

struct Flags {
  std::string baskets;
  std::vector<std::string> edges;
  std::vector<std::string> keys;
  std::size_t concurrency = 8;
  double rate = 0;
  bool json = false;
};

/// Exit: 0 when every usable basket was acknowledged, 1 when not or the file cannot be read.
int run(const Flags& flags, const std::atomic<bool>& stop) {
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
    summary = replay(file->baskets, options, stop, [&](std::size_t done) { progress.show(done); });
  }
  fmt::print("{}", flags.json ? to_json(*file, summary, options) + "\n" : to_text(*file) + to_text(summary));
  return summary.sold.size() == file->baskets.size() ? exit_ok : exit_failed;
}

}  // namespace

Command replay_command(CLI::App& app, const std::atomic<bool>& stop) {
  const auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("replay", "plays real receipts against edges");
  command->add_option("--baskets", flags->baskets, "CSV in the columns of The Complete Journey, plain or .gz")
      ->required();
  command->add_option("--edge", flags->edges, "an edge's URL; a store's baskets always go to the same one")
      ->required();
  command->add_option("--key", flags->keys, "terminal key: one for all edges, or one for each, in order");
  command->add_option("--concurrency", flags->concurrency, "tills")->check(CLI::Range(1, 1024));
  command->add_option("--rate", flags->rate, "sales a second; 0: as fast as they go")
      ->check(CLI::Range(0.0, 1e6));
  command->add_flag("--json", flags->json, "the summary as JSON");
  return {.app = command, .run = [flags, &stop] { return run(*flags, stop); }};
}

}  // namespace perkline::bench
