#include "bench/commands/command.hpp"

#include <cmath>

namespace perkline::bench {

std::filesystem::path own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

void add_measure_flags(CLI::App& app, MeasureFlags& flags) {
  flags.options.bin_dir = own_folder();
  app.add_option("--bin", flags.options.bin_dir, "where the daemons are; by default beside this program");
  app.add_option("--state", flags.options.state_dir,
                 "folder for keys, configurations, data and logs; emptied");
  app.add_option("--out", flags.options.out_dir,
                 "folder for the report as JSON, and the page of all reports");
  app.add_option("--rounds", flags.rounds, "how often each takes its turn")->check(CLI::Range(1, 100));
  app.add_option("--seconds", flags.seconds, "how long a turn lasts, beside its warm-up")
      ->check(CLI::Range(0.1, 86400.0));
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

MeasureOptions settle_flags(const MeasureFlags& flags, const std::atomic<bool>& stop) {
  MeasureOptions options = flags.options;
  if (options.quick) options.make_quick();
  options.rounds = flags.rounds.value_or(options.rounds);
  constexpr double millis_of_second = 1000;
  if (flags.seconds) options.time = std::chrono::milliseconds(std::lround(*flags.seconds * millis_of_second));
  options.stop = &stop;
  if (flags.steady_disk) {
    options.steady_disk = std::make_shared<const SteadyDisk>(options.bin_dir);
    options.state_dir = options.steady_disk->folder() / "state";
  }
  return options;
}

}  // namespace perkline::bench
