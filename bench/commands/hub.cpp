#include <memory>

#include "bench/commands/command.hpp"
#include "bench/hub/scenarios.hpp"

namespace perkline::bench {
namespace {

using hub::db::Engine;

struct Flags {
  std::string scenario;
  Engine database = Engine::sqlite;
  MeasureFlags measure;
  bool full = false;
};

Result<Report> report_of(const Flags& flags, const MeasureOptions& options) {
  if (flags.scenario == "wallet") return run_wallet(options, flags.database);
  if (flags.scenario == "spin") return run_spin(options, flags.database);
  if (flags.scenario == "claim") return run_claim(options, flags.database);
  if (flags.scenario == "balance") return run_balance(options, flags.database);
  return run_growth(options, flags.database, flags.full);
}

}  // namespace

void add_database_flag(CLI::App& app, Engine& engine) {
  static const std::map<std::string, Engine> names{{"sqlite", Engine::sqlite},
                                                   {"postgresql", Engine::postgresql}};
  app.add_option("--database", engine, "sqlite, or postgresql: a cluster of its own (Debian's postgresql-15)")
      ->transform(CLI::CheckedTransformer(names));
}

Command hub_command(CLI::App& app, const std::atomic<bool>& stop) {
  const auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("hub", "one hub under its members' load");
  command->add_option("--scenario", flags->scenario, "what they do")
      ->required()
      ->check(CLI::IsMember({"wallet", "spin", "claim", "balance", "growth"}));
  add_database_flag(*command, flags->database);
  command->add_flag("--full", flags->full, "growth: up to 10^7 entries");
  command->add_option("--rate", flags->measure.rate, "but for growth: calls a second, open loop")
      ->check(number_within(1, 1e6));
  add_measure_flags(*command, flags->measure);
  return {.app = command, .run = [flags, &stop] {
            const bool growth = flags->scenario == "growth";
            if (flags->full && !growth) return usage_error("only --scenario growth takes --full");
            if (flags->measure.rate && growth) return usage_error("--scenario growth takes no --rate");
            return measure(flags->measure, stop,
                           [&](const MeasureOptions& options) { return report_of(*flags, options); });
          }};
}

}  // namespace perkline::bench
