#include "bench/measure/options.hpp"

#include <fmt/format.h>

namespace perkline::bench {

void MeasureOptions::make_quick() {
  quick = true;
  rounds = 1;
  warm_up = std::chrono::milliseconds(50);
  time = std::chrono::milliseconds(250);
}

int conclude(Result<Report> report, const MeasureOptions& options) {
  if (!report) {
    fmt::print(stderr, "perkline-bench: {}\n", report.error().detail);
    return 1;
  }
  report->settings.emplace_back("disk", describe_disk(options.state_dir));
  fmt::print("{}", options.json ? to_json(*report) + "\n" : to_text(*report));
  if (const auto published = publish(*report, options.out_dir); !published) {
    fmt::print(stderr, "perkline-bench: {}\n", published.error().detail);
    return 1;
  }
  return 0;
}

}  // namespace perkline::bench
