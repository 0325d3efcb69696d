#include "bench/commands/command.hpp"

#include <cmath>

#include <fmt/format.h>

#include "bench/fleet/state_folder.hpp"
#include "bench/measure/disk.hpp"

namespace perkline::bench {

namespace {

namespace fs = std::filesystem;

MeasureOptions settle_flags(const MeasureFlags& flags, const std::atomic<bool>& stop) {
  MeasureOptions options = flags.options;
  if (options.quick) options.make_quick();
  if (flags.out) options.out_dir = *flags.out;
  options.rounds = flags.rounds.value_or(options.rounds);
  constexpr double millis_of_second = 1000;
  if (flags.seconds) options.time = std::chrono::milliseconds(std::lround(*flags.seconds * millis_of_second));
  options.rate = flags.rate.value_or(0);
  options.stop = &stop;
  return options;
}

/// What would else be found out after all has been measured. Errors: io_failed.
Result<void> check_places(const MeasureOptions& options) {
  std::error_code error;
  for (const char* program : {"perkline-edge", "perkline-hub", "pdi-sandbox"}) {
    if (!fs::exists(options.bin_dir / program, error))
      return fail(Errc::io_failed, "no such program: " + (options.bin_dir / program).string());
  }
  fs::create_directories(options.out_dir, error);
  if (error) return fail(Errc::io_failed, options.out_dir.string() + " cannot be made: " + error.message());
  return {};
}

}  // namespace

Result<fs::path> claim_state(const fs::path& folder) {
  if (auto may = check_state(folder); !may) return failure(may);
  std::error_code error;
  const fs::path run = folder / "run";
  fs::remove_all(run, error);
  fs::create_directories(run, error);
  if (error) return fail(Errc::io_failed, folder.string() + " cannot be made");
  if (auto marked = mark_state(folder); !marked) return failure(marked);
  return run;
}

int measure(const MeasureFlags& flags, const std::atomic<bool>& stop,
            const std::function<Result<Report>(const MeasureOptions&)>& scenario) {
  MeasureOptions options = settle_flags(flags, stop);
  if (auto right = check_places(options); !right) return conclude(failure(right), options);
  std::optional<SteadyDisk> steady;
  if (flags.steady_disk) options.state_dir = steady.emplace(options.bin_dir).folder();
  auto run = claim_state(options.state_dir);
  if (!run) return conclude(failure(run), options);
  options.state_dir = *run;
  auto report = scenario(options);
  const bool measured = report.has_value();
  const int status = conclude(std::move(report), options);
  // What has failed is left to be looked at.
  std::error_code ignored;
  if (measured) fs::remove_all(options.state_dir, ignored);
  return status;
}

int usage_error(std::string_view text) {
  fmt::print(stderr, "perkline-bench: {}\n", text);
  return exit_usage;
}

CLI::Validator number_within(double low, double high) {
  return {[low, high](const std::string& text) {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            return end == text.c_str() + text.size() && value >= low && value <= high
                       ? std::string()
                       : fmt::format("{} is not a number from {:g} to {:g}", text, low, high);
          },
          fmt::format("{:g} to {:g}", low, high)};
}

std::filesystem::path own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

void add_measure_flags(CLI::App& app, MeasureFlags& flags) {
  flags.options.bin_dir = own_folder();
  app.add_option("--bin", flags.options.bin_dir, "where the daemons are; by default beside this program");
  app.add_option("--state", flags.options.state_dir,
                 "folder for keys, configurations, data and logs; emptied, unless it holds anything else");
  app.add_option("--out", flags.out,
                 "folder for the report as JSON, and the page of all reports; by default build/bench, or "
                 "build/bench/quick");
  app.add_option("--rounds", flags.rounds, "how often each takes its turn")->check(CLI::Range(1, 100));
  app.add_option("--seconds", flags.seconds, "how long a turn lasts, beside its warm-up")
      ->check(number_within(0.1, 86400));
  app.add_flag("--quick", flags.options.quick, "about a second, for function only");
  app.add_flag("--json", flags.options.json, "the report as JSON");
  const auto there_is = [&flags](std::string& disk) {
    return disk == "steady" ? SteadyDisk::missing(flags.options.bin_dir) : std::string();
  };
  app.add_option_function<std::string>(
         "--disk", [&flags](const std::string& disk) { flags.steady_disk = disk == "steady"; },
         "real, which is --state's; or steady: in memory, each sync of 0.2 ms")
      ->check(CLI::IsMember({"real", "steady"}))
      ->check(CLI::Validator(there_is, ""));
}

}  // namespace perkline::bench
