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

Result<Report> measure(const Flags& flags, const MeasureOptions& options) {
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
  add_measure_flags(*command, flags->measure);
  return {.app = command, .run = [flags, &stop] {
            const MeasureOptions options = settle_flags(flags->measure, stop);
            return conclude(measure(*flags, options), options);
          }};
}

}  // namespace perkline::bench
