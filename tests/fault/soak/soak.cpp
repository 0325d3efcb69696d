#include "tests/fault/soak/soak.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "bench/fleet/fleet.hpp"
#include "tests/fault/rig/supervisor.hpp"
#include "tests/fault/rig/tills.hpp"
#include "tests/fault/soak/mischief.hpp"

namespace perkline::soak {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds told_every{30};
/// What was not booked is sent again at most once a second, where there is nothing else to do.
constexpr seconds settle_patience{1800};

/// Two hundred of a run at least, and no more than one a second.
seconds sample_every(seconds duration) {
  return std::clamp(duration / 200, seconds{1}, seconds{30});
}

class Run {
 public:
  Run(const SoakOptions& options, bench::Fleet fleet)
      : options_(options),
        fleet_(std::move(fleet)),
        mischief_(options.out),
        samples_(options.out / "samples.csv"),
        events_(options.out / "events.log"),
        watch_(options.bounds) {}

  Result<SoakReport> play(const std::atomic<bool>& stop) {
    if (auto restarted = restart_preloaded(); !restarted) return failure(restarted);
    samples_
        << "t_s,part,pid,rss_kib,descriptors,threads,calls,p50_ms,p99_ms,disturbed_calls,disturbed_p99_ms\n";
    test::Supervisor supervisor(fleet_);
    began_ = steady_clock::now();
    auto taken = sell_and_break(supervisor, stop);
    std::printf("settling, and asking every till's calls again\n");
    std::fflush(stdout);
    SoakReport report{.watched = {},
                      .mischief = {},
                      .verdict = test::judge(fleet_, std::move(taken), settle_patience),
                      .breaches = watch_.judge()};
    report.watched = watch_.to_table();
    for (const auto& [kind, count] : mischief_.counts())
      report.mischief += fmt::format("{:<26} {:>6}\n", kind, count);
    report.mischief += fmt::format("{:<26} {:>6}\n", "ends by themselves", supervisor.ends().size());
    std::ranges::move(unasked(supervisor), std::back_inserter(report.breaches));
    return report;
  }

 private:
  Result<void> restart_preloaded() {
    mischief_.preload(fleet_);
    fleet_.hub().terminate();
    if (auto started = fleet_.start_hub(); !started) return started;
    for (std::size_t i = 0; i < edges; ++i) {
      fleet_.edge(i).terminate();
      if (auto started = fleet_.start_edge(i); !started) return started;
    }
    return {};
  }

  test::Tills::Taken sell_and_break(test::Supervisor& supervisor, const std::atomic<bool>& stop) {
    test::Tills tills(fleet_, {.tills_per_edge = options_.tills_per_edge,
                               .pause = options_.pause,
                               .patience = seconds(300),
                               .seed = options_.seed,
                               .on_answer = [this](const test::Tills::Waited& waited) {
                                 const auto asked = steady_clock::now() - waited.took;
                                 waits_[waited.edge].add(waited.took,
                                                         mischief_.disturbed_since(waited.edge, asked));
                               }});
    mischief_.start(fleet_, supervisor,
                    {.seed = options_.seed,
                     .duration = options_.duration,
                     .on_event = [this](const auto& what) { note_event(what); }});
    const auto end = began_ + options_.duration;
    const seconds every = sample_every(options_.duration);
    auto told = began_;
    for (auto next = began_ + every; next <= end && !stop && all_is_well(supervisor); next += every) {
      std::this_thread::sleep_until(next);
      sample(supervisor);
      if (steady_clock::now() - told < told_every) continue;
      told = steady_clock::now();
      std::printf("%.0f of %lld s: %zu sales\n", elapsed(), static_cast<long long>(options_.duration.count()),
                  tills.acknowledged());
      std::fflush(stdout);
    }
    mischief_.stop();
    return tills.stop();
  }

  std::vector<std::string> unasked(const test::Supervisor& supervisor) const {
    return test::unasked_ends(supervisor.ends(), mischief_.asked(), supervisor.hub());
  }
  bool all_is_well(const test::Supervisor& supervisor) const {
    return watch_.breaches().empty() && unasked(supervisor).empty();
  }
  double elapsed() const { return std::chrono::duration<double>(steady_clock::now() - began_).count(); }
  void note_event(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    events_ << fmt::format("{:.2f} {}\n", elapsed(), what) << std::flush;
  }

  void sample(const test::Supervisor& supervisor) {
    for (std::size_t part = 0; part <= edges; ++part) {
      const std::string name = part == edges ? "hub" : fmt::format("edge-{}", part + 1);
      const pid_t pid = supervisor.pid(part);
      const Use use = use_of(pid);
      watch_.note(name, pid, use);
      samples_ << fmt::format("{:.1f},{},{},{},{},{}", elapsed(), name, pid, use.rss_kib, use.descriptors,
                              use.threads);
      if (part < edges) {
        const auto waits = waits_[part].take();
        watch_.note_waits(name, waits);
        samples_ << to_csv(waits.quiet, true) << to_csv(waits.disturbed, false);
      } else {
        samples_ << ",,,,,";
      }
      samples_ << '\n';
    }
    samples_ << std::flush;
  }
  static std::string to_csv(const bench::Histogram& times, bool with_median) {
    const auto millis = [&](double share) {
      return std::chrono::duration<double, std::milli>(times.quantile(share)).count();
    };
    std::string text = fmt::format(",{}", times.count());
    if (with_median) text += fmt::format(",{:.2f}", millis(0.5));
    return text + fmt::format(",{:.2f}", millis(0.99));
  }

  const SoakOptions& options_;
  bench::Fleet fleet_;
  Mischief mischief_;
  std::array<TillWaits, edges> waits_;
  std::ofstream samples_;
  std::mutex mutex_;  ///< For the events.
  std::ofstream events_;
  Watch watch_;
  steady_clock::time_point began_;
};

}  // namespace

Result<SoakReport> soak(const SoakOptions& options, const std::atomic<bool>& stop) {
  std::error_code error;
  fs::create_directories(options.out, error);
  if (error) return fail(Errc::io_failed, options.out.string() + " cannot be made");
  auto fleet = bench::Fleet::start(
      {.bin_dir = options.bin_dir,
       .state_dir = options.out / "fleet",
       .edges = edges,
       .pdi_quiet_ms = 2000,
       .edge_yaml = std::vector<std::string>(edges,
                                             "breaker: { open_base_ms: 1000, open_max_ms: 5000 }\n"
                                             "storage: { reserve_mib: 16 }\n")});
  if (!fleet) return failure(fleet);
  return Run(options, std::move(*fleet)).play(stop);
}

}  // namespace perkline::soak
