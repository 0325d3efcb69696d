#include "bench/measure/options.hpp"

#include <csignal>

#include <fmt/format.h>

namespace perkline::bench {

Result<void> MeasureOptions::unless_stopped() const {
  if (stop != nullptr && *stop) return fail(Errc::cancelled, "stopped");
  return {};
}

void MeasureOptions::make_quick() {
  quick = true;
  rounds = 1;
  warm_up = std::chrono::milliseconds(50);
  time = std::chrono::milliseconds(250);
}

int conclude(const Result<Report>& report, const MeasureOptions& options) {
  if (!report) {
    fmt::print(stderr, "perkline-bench: {}\n", report.error().detail);
    return report.error().code == Errc::cancelled ? 128 + SIGINT : 1;
  }
  fmt::print("{}", options.json ? to_json(*report) + "\n" : to_text(*report));
  if (const auto published = publish(*report, options.out_dir); !published) {
    fmt::print(stderr, "perkline-bench: {}\n", published.error().detail);
    return 1;
  }
  return 0;
}

}  // namespace perkline::bench
