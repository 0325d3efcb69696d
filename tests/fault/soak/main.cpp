#include <atomic>
#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "shared/core/random.hpp"
#include "tests/fault/soak/soak.hpp"

namespace {

std::atomic<bool> stop = false;

void on_signal(int) {
  stop = true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Real stores, hub and PDI under every fault there is, for hours", "perkline-soak");
  double hours = 1;
  perkline::soak::SoakOptions options;
  options.bin_dir = "build/release/bin";
  options.out = "build/soak";
  options.seed = perkline::SystemRng().below(1'000'000);
  std::int64_t pause_ms = options.pause.count();
  std::int64_t p99_ms = options.bounds.p99_max.count();
  std::int64_t rss_mib = options.bounds.rss_kib_max / 1024;
  app.add_option("--hours", hours, "how long; fractions too")->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "of what goes wrong when");
  app.add_option("--bin", options.bin_dir, "where the daemons are");
  app.add_option("--out", options.out, "samples.csv, events.log, and all state and logs");
  app.add_option("--tills", options.tills_per_edge, "of each store")->check(CLI::Range(1, 64));
  app.add_option("--pause-ms", pause_ms, "between two sales of a till, on average")
      ->check(CLI::Range(1, 60'000));
  app.add_option("--p99-ms", p99_ms, "what 99 of 100 of a till's calls take at most")
      ->check(CLI::PositiveNumber);
  app.add_option("--rss-mib", rss_mib, "what a daemon uses at most")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  options.duration = std::chrono::seconds(static_cast<std::int64_t>(hours * 3600));
  options.pause = std::chrono::milliseconds(pause_ms);
  options.bounds.p99_max = std::chrono::milliseconds(p99_ms);
  options.bounds.rss_kib_max = rss_mib * 1024;
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, on_signal);

  std::printf("%lld s, seed %llu; samples and logs in %s\n", static_cast<long long>(options.duration.count()),
              static_cast<unsigned long long>(options.seed), options.out.c_str());
  std::fflush(stdout);
  const auto report = perkline::soak::soak(options, stop);
  if (!report) {
    std::fprintf(stderr, "perkline-soak: %s\n", report.error().detail.c_str());
    return 1;
  }
  std::printf("\n%s\n%s\n%s\n", report->mischief.c_str(), report->watched.c_str(),
              report->verdict.to_text().c_str());
  for (const std::string& breach : report->breaches) std::printf("OUT OF BOUNDS: %s\n", breach.c_str());
  std::printf("%s\n", report->ok() ? "passed" : "FAILED");
  return report->ok() ? 0 : 1;
}
