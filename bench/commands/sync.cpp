#include <memory>

#include "bench/commands/command.hpp"
#include "bench/sync/ingest.hpp"

namespace perkline::bench {

Command sync_command(CLI::App& app, const std::atomic<bool>& stop) {
  struct Flags {
    hub::db::Engine database = hub::db::Engine::sqlite;
    std::optional<std::size_t> stores;
    MeasureFlags measure;
  };
  const auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("sync", "simulated stores and one hub");
  command->add_option("--scenario", "what they do")->required()->check(CLI::IsMember({"ingest"}));
  command->add_option("--stores", flags->stores, "how many; by default 10 in turns with 1,000")
      ->check(CLI::Range(1, 1'000));
  add_database_flag(*command, flags->database);
  add_measure_flags(*command, flags->measure);
  return {.app = command, .run = [flags, &stop] {
            return measure(flags->measure, stop, [&](const MeasureOptions& options) {
              return run_ingest(options, flags->database, flags->stores);
            });
          }};
}

}  // namespace perkline::bench
