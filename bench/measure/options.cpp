#include "bench/measure/options.hpp"

#include <csignal>

#include <fmt/format.h>

#include "bench/measure/disk.hpp"

namespace perkline::bench {
namespace {

double in_seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Result<void> MeasureOptions::unless_stopped() const {
  if (stop != nullptr && *stop) return fail(Errc::cancelled, "stopped");
  return {};
}

void MeasureOptions::make_quick() {
  quick = true;
  out_dir /= "quick";
  rounds = 1;
  warm_up = std::chrono::milliseconds(50);
  time = std::chrono::milliseconds(250);
}

int conclude(Result<Report> report, const MeasureOptions& options) {
  if (!report) {
    fmt::print(stderr, "perkline-bench: {}\n", report.error().detail);
    return report.error().code == Errc::cancelled ? 128 + SIGINT : 1;
  }
  report->settings.emplace_back("disk", describe_disk(options.state_dir));
  Measuring& measuring = report->measuring;
  if (measuring.rounds == 0)
    measuring = {.rounds = options.rounds,
                 .seconds = in_seconds(options.time),
                 .warm_up_seconds = in_seconds(options.warm_up),
                 .rate = options.rate};
  measuring.quick = options.quick;
  fmt::print("{}", options.json ? to_json(*report) + "\n" : to_text(*report));
  if (const auto published = publish(*report, options.out_dir); !published) {
    fmt::print(stderr, "perkline-bench: {}\n", published.error().detail);
    return 1;
  }
  fmt::print(stderr, "perkline-bench: figures and plots in {}\n", (options.out_dir / "index.html").string());
  return 0;
}

}  // namespace perkline::bench
