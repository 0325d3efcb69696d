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
  app.add_option("--out", flags.out,
                 "folder for the report as JSON, and the page of all reports; by default build/bench, or "
                 "build/bench/quick");
  app.add_option("--rounds", flags.rounds, "how often each takes its turn")->check(CLI::Range(1, 100));
  app.add_option("--seconds", flags.seconds, "how long a turn lasts, beside its warm-up")
      ->check(CLI::Range(0.1, 86400.0));
  app.add_flag("--quick", flags.options.quick, "about a second, for function only");
  app.add_flag("--json", flags.options.json, "the report as JSON");
}

MeasureOptions settle_flags(const MeasureFlags& flags, const std::atomic<bool>& stop) {
  MeasureOptions options = flags.options;
  if (options.quick) options.make_quick();
  if (flags.out) options.out_dir = *flags.out;
  options.rounds = flags.rounds.value_or(options.rounds);
  constexpr double millis_of_second = 1000;
  if (flags.seconds) options.time = std::chrono::milliseconds(std::lround(*flags.seconds * millis_of_second));
  options.stop = &stop;
  return options;
}

}  // namespace perkline::bench
