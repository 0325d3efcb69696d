#include "bench/measure/drive.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "bench/measure/process.hpp"
#include "shared/core/assert.hpp"

namespace perkline::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr milliseconds patience_max{50};
constexpr milliseconds tell_every{100};
constexpr std::chrono::seconds end_patience{30};

class Drive {
 public:
  Drive(Load& load, const DriveOptions& options)
      : load_(load), options_(options), started_(load.lanes()), kinds_(load.kinds().size()) {
    PERKLINE_ASSERT(load.lanes() > 0 && !kinds_.empty());
    for (std::size_t lane = load.lanes(); lane-- > 0;) free_.push_back(lane);
  }

  Result<Figures> run() {
    begin_ = steady_clock::now();
    if (auto warmed = pass(options_.warm_up, options_.warm_up, 0); !warmed) return failure(warmed);
    start_counting();
    auto counted = pass(options_.time, std::max(options_.time, options_.first_within), options_.units);
    if (!counted) return failure(counted);
    if (operations_ == 0) return fail(Errc::io_failed, "not one operation ended in time");
    Figures figures = take_figures(*counted);
    const nanoseconds expected = expected_between(*counted);
    const Histogram not_begun = left_undone();
    if (auto ended = finish(); !ended) return failure(ended);
    take_times(figures, expected, not_begun);
    return figures;
  }

 private:
  /// Load for so long, without an operation that has ended for longer, or until so many units are counted.
  /// How long it was.
  Result<nanoseconds> pass(nanoseconds time, nanoseconds time_without, std::uint64_t units) {
    const auto from = steady_clock::now();
    auto now = from;
    const auto time_now = [&] { return operations_ > 0 ? time : time_without; };
    while (now - from < time_now() && (units == 0 || operations_ < units)) {
      if (options_.stop != nullptr && *options_.stop) return fail(Errc::cancelled, "stopped");
      if (auto begun = begin_due(now); !begun) return failure(begun);
      if (auto taken = take_ended(patience(now, from + time_now())); !taken) return failure(taken);
      now = steady_clock::now();
      tell(now);
    }
    return now - from;
  }

  Result<void> begin_due(steady_clock::time_point now) {
    while (!free_.empty()) {
      const auto due = options_.rate > 0 ? due_of(begun_) : now;
      if (due > now) break;
      const std::size_t lane = free_.back();
      free_.pop_back();
      started_[lane] = options_.rate > 0 ? due : steady_clock::now();
      ++begun_;
      if (auto sent = load_.begin(lane); !sent) return sent;
    }
    return {};
  }
  steady_clock::time_point due_of(std::uint64_t number) const {
    return begin_ + std::chrono::duration_cast<nanoseconds>(
                        std::chrono::duration<double>(static_cast<double>(number) / options_.rate));
  }
  nanoseconds patience(steady_clock::time_point now, steady_clock::time_point end) const {
    nanoseconds most = std::min<nanoseconds>(patience_max, end - now);
    if (options_.rate > 0 && !free_.empty()) most = std::min<nanoseconds>(most, due_of(begun_) - now);
    return std::max(most, nanoseconds::zero());
  }

  Result<void> take_ended(nanoseconds patience) {
    ended_.clear();
    if (auto polled = load_.poll(patience, ended_); !polled) return polled;
    const auto now = steady_clock::now();
    for (const Ended& one : ended_) {
      free_.push_back(one.lane);
      kinds_[one.kind].add(now - started_[one.lane]);
      operations_ += one.units;
      ++(one.ok ? right_ : wrong_);
    }
    if (wrong_ == 0) return {};
    return fail(Errc::io_failed,
                fmt::format("{} of {} operations so far ended otherwise than they should, first: {}", wrong_,
                            right_ + wrong_, load_.complaint()));
  }

  void start_counting() {
    for (Histogram& kind : kinds_) kind = Histogram();
    operations_ = 0;
    if (options_.server != 0) {
      forget_peak(options_.server);
      if (const auto use = use_of(options_.server); use) cpu_before_ = use->cpu;
    }
    if (options_.database != 0)
      database_before_ = family_cpu(options_.database).value_or(nanoseconds::zero());
    load_before_ = load_cpu(options_.beside);
  }

  Figures take_figures(nanoseconds time) {
    Figures figures{.operations = operations_, .seconds = in_seconds(time)};
    figures.load_cpu_seconds = in_seconds(load_cpu(options_.beside) - load_before_);
    if (options_.database != 0) {
      if (const auto cpu = family_cpu(options_.database); cpu)
        figures.database_cpu_seconds = in_seconds(*cpu - database_before_);
    }
    if (options_.server != 0) {
      if (const auto use = use_of(options_.server); use) {
        figures.cpu_seconds = in_seconds(use->cpu - cpu_before_);
        figures.rss_mib = use->rss_peak_mib;
      }
    }
    return figures;
  }

  /// How often a lane's next began, in closed loop; 0: what was due is known, there is nothing to correct.
  nanoseconds expected_between(nanoseconds time) const {
    std::uint64_t calls = 0;
    for (const Histogram& kind : kinds_) calls += kind.count();
    const auto lanes = static_cast<std::int64_t>(started_.size());
    return options_.rate > 0 ? nanoseconds::zero() : time * lanes / static_cast<std::int64_t>(calls);
  }

  /// What was due by now and found no lane: it has waited as long at least.
  Histogram left_undone() const {
    Histogram waits;
    const auto now = steady_clock::now();
    if (options_.rate <= 0 || !free_.empty()) return waits;
    for (std::uint64_t number = begun_; due_of(number) < now; ++number) waits.add(now - due_of(number));
    return waits;
  }

  /// With what ended after the time was up: left out, a server that stands still at the end would seem fast.
  void take_times(Figures& figures, nanoseconds expected, const Histogram& not_begun) {
    figures.late = late_ + not_begun.count();
    figures.times = not_begun;
    const auto names = load_.kinds();
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
      const Histogram corrected = kinds_[kind].corrected(expected);
      figures.times.merge(corrected);
      if (kinds_.size() > 1) figures.kinds.push_back({names[kind], corrected});
    }
    figures.tell_percentiles();
  }
  static double in_seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

  /// What is still on its way ends: it counts for latency, not for throughput.
  Result<void> finish() {
    late_ = started_.size() - free_.size();
    const auto give_up = steady_clock::now() + end_patience;
    while (free_.size() < started_.size()) {
      if (steady_clock::now() > give_up) return fail(Errc::timed_out, "an operation does not end");
      if (auto taken = take_ended(patience_max); !taken) return taken;
    }
    return {};
  }

  void tell(steady_clock::time_point now) {
    if (now - told_ < tell_every) return;
    told_ = now;
    if (options_.progress) options_.progress(std::chrono::duration_cast<milliseconds>(now - begin_));
    if (options_.counted) options_.counted(operations_);
  }

  Load& load_;
  const DriveOptions& options_;
  std::vector<steady_clock::time_point> started_;  ///< By lane: sent, or in open loop due.
  std::vector<std::size_t> free_;                  ///< Lanes with nothing on its way.
  std::vector<Histogram> kinds_;
  std::vector<Ended> ended_;
  std::uint64_t begun_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t right_ = 0;  ///< Operations as they should be, and otherwise, since the beginning.
  std::uint64_t wrong_ = 0;
  std::uint64_t late_ = 0;  ///< On their way when the time was up.
  nanoseconds cpu_before_{};
  nanoseconds database_before_{};
  nanoseconds load_before_{};
  steady_clock::time_point begin_;
  steady_clock::time_point told_;
};

}  // namespace

double micros(nanoseconds duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

std::string shown(double value) {
  constexpr double four_digits = 9999.5;
  return std::abs(value) < four_digits ? fmt::format("{:.4g}", value) : fmt::format("{:.0f}", value);
}

void Figures::tell_percentiles() {
  p50_us = micros(times.quantile(0.5));
  p99_us = micros(times.quantile(0.99));
  p999_us = micros(times.quantile(0.999));
  max_us = micros(times.longest());
}

Result<Figures> drive(Load& load, const DriveOptions& options) {
  return Drive(load, options).run();
}

}  // namespace perkline::bench
