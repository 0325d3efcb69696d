#pragma once

#include <atomic>
#include <functional>

#include <CLI/CLI.hpp>

#include "bench/measure/options.hpp"
#include "hub/db/database.hpp"

/// `perkline-bench`'s subcommands.
namespace perkline::bench {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// A subcommand and what runs it, given that it was the one asked for. The exit status.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

/// `stop` turns true at SIGINT and SIGTERM; it outlives the command.
Command replay_command(CLI::App& app, const std::atomic<bool>& stop);
Command edge_command(CLI::App& app, const std::atomic<bool>& stop);
Command demo_command(CLI::App& app, const std::atomic<bool>& stop);
Command hub_command(CLI::App& app, const std::atomic<bool>& stop);
Command sync_command(CLI::App& app, const std::atomic<bool>& stop);

/// Where this program is: the daemons and ceilings are beside it.
std::filesystem::path own_folder();

/// What scenarios that measure have in common: `--bin`, `--state`, `--out`, `--rounds`, `--seconds`,
/// `--quick`, `--json`, `--disk`.
struct MeasureFlags {
  MeasureOptions options = {};
  std::optional<std::string> out = {};
  std::optional<std::size_t> rounds = {};
  std::optional<double> seconds = {};
  bool steady_disk = false;
  std::optional<double> rate = {};  ///< Calls a second, for those that add `--rate`.
};
void add_measure_flags(CLI::App& app, MeasureFlags& flags);
/// A number from `low` to `high`; infinite ones and such that are none are refused.
CLI::Validator number_within(double low, double high);

/// A folder inside of `folder` that is empty and whose contents may be deleted. Errors: io_failed (there is
/// something else in `folder` already).
Result<std::filesystem::path> claim_state(const std::filesystem::path& folder);

/// Measures a scenario by the flags: with the folders as they have to be, in a state folder that is empty at
/// first, published and printed. The exit status.
int measure(const MeasureFlags& flags, const std::atomic<bool>& stop,
            const std::function<Result<Report>(const MeasureOptions&)>& scenario);

/// Says so. `exit_usage`.
int usage_error(std::string_view text);

/// `--database`, of those that measure a hub.
void add_database_flag(CLI::App& app, hub::db::Engine& engine);

}  // namespace perkline::bench
