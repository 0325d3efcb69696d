#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "bench/commands/command.hpp"
#include "bench/edge/scenarios.hpp"
#include "bench/outage/outage.hpp"

namespace perkline::bench {
namespace {

struct Flags {
  std::string scenario;
  MeasureFlags measure;
  std::optional<int> after;
};

const std::map<std::string, OutageKind> outages{{"blackhole", OutageKind::blackhole},
                                                {"frozen", OutageKind::frozen},
                                                {"commit-timeouts", OutageKind::commit_timeouts}};

using Measured = Result<Report> (*)(const MeasureOptions&);
const std::map<std::string, Measured> measured{
    {"standin", run_standin}, {"online", run_online}, {"drain", run_drain}, {"start", run_start}};

/// Exit: 0 when every goal was met.
int run_outage(OutageKind kind, const Flags& flags, const std::atomic<bool>& stop) {
  OutageOptions options = outage_options(kind, flags.measure.options.quick);
  options.bin_dir = flags.measure.options.bin_dir;
  auto state = claim_state(flags.measure.options.state_dir);
  if (!state) {
    fmt::print(stderr, "perkline-bench: {}\n", state.error().detail);
    return exit_failed;
  }
  options.state_dir = *state;
  options.rate = flags.measure.rate.value_or(options.rate);
  if (flags.measure.seconds)
    options.trouble = std::chrono::seconds(std::max(1L, std::lround(*flags.measure.seconds)));
  if (flags.after) options.after = std::chrono::seconds(*flags.after);
  const auto report = run_outage(options, stop);
  if (!report) {
    fmt::print(stderr, "perkline-bench: {}\n", report.error().detail);
    return exit_failed;
  }
  fmt::print("{}", flags.measure.options.json ? to_json(*report) + "\n" : to_text(*report));
  return report->ok() ? exit_ok : exit_failed;
}

/// What was given and means nothing to the scenario. Empty: nothing was.
std::string_view meaningless(const Flags& flags) {
  const bool outage = outages.contains(flags.scenario);
  const bool drain = flags.scenario == "drain";
  const MeasureFlags& measure = flags.measure;
  if (flags.after && !outage) return "--after";
  if (measure.rate && (drain || flags.scenario == "start")) return "--rate";
  if (measure.seconds && (drain || flags.scenario == "start")) return "--seconds";
  if (measure.rounds && (drain || outage)) return "--rounds";
  if (measure.out && outage) return "--out";
  return {};
}

int run(const Flags& flags, const std::atomic<bool>& stop) {
  if (const auto flag = meaningless(flags); !flag.empty())
    return usage_error(fmt::format("--scenario {} takes no {}", flags.scenario, flag));
  if (const auto outage = outages.find(flags.scenario); outage != outages.end())
    return run_outage(outage->second, flags, stop);
  return measure(flags.measure, stop, measured.at(flags.scenario));
}

}  // namespace

Command edge_command(CLI::App& app, const std::atomic<bool>& stop) {
  const auto flags = std::make_shared<Flags>();
  std::vector<std::string> names;
  for (const auto& [name, run] : measured) names.push_back(name);
  for (const auto& [name, kind] : outages) names.push_back(name);
  auto* command = app.add_subcommand("edge", "one store under load");
  command->add_option("--scenario", flags->scenario, "what happens to it")
      ->required()
      ->check(CLI::IsMember(names));
  add_measure_flags(*command, flags->measure);
  command
      ->add_option("--rate", flags->measure.rate,
                   "outages: sales a second; standin: calls a second, open loop; online: of its paced calls")
      ->check(number_within(1, 1e5));
  command->add_option("--after", flags->after, "outages: how long tills sell on once PDI is well, in seconds")
      ->check(CLI::Range(0, 86400));
  return {.app = command, .run = [flags, &stop] { return run(*flags, stop); }};
}

}  // namespace perkline::bench
