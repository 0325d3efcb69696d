#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <sys/resource.h>

#include <fmt/format.h>

#include "bench/measure/histogram.hpp"

/// How a ceiling that loads itself measures, and the one line of JSON it prints.
namespace perkline::bench {

/// Of this process so far, user's and system's.
inline std::chrono::duration<double> cpu_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return std::chrono::duration<double>(seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
}

inline double resident_mib() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

/// What was done between its making and print().
class Measured {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Measured(std::string name) : name_(std::move(name)) {}

  /// `operations` that came to their end together, `took` after they began.
  void add(std::uint64_t operations, std::chrono::nanoseconds took) {
    operations_ += operations;
    times_.add(took);
  }
  void merge(const Measured& other) {
    operations_ += other.operations_;
    times_.merge(other.times_);
  }
  std::chrono::duration<double> elapsed() const { return Clock::now() - began_; }

  /// The line, and a newline.
  void print() const {
    const double seconds = elapsed().count();
    const auto operations = static_cast<double>(operations_);
    const auto us = [&](double share) { return static_cast<double>(times_.quantile(share).count()) / 1e3; };
    const double cpu_ms = (cpu_time() - cpu_before_).count() * 1e3;
    fmt::print(
        "{{\"name\":\"{}\",\"operations\":{},\"seconds\":{:.3f},\"perSecond\":{:.0f},\"p50Us\":{:.1f},"
        "\"p99Us\":{:.1f},\"p999Us\":{:.1f},\"cpuMsPerOperation\":{:.5f},\"rssMiB\":{:.1f}}}\n",
        name_, operations_, seconds, operations / seconds, us(0.5), us(0.99), us(0.999),
        operations_ == 0 ? 0 : cpu_ms / operations, resident_mib());
  }

 private:
  std::string name_;
  Clock::time_point began_ = Clock::now();
  std::chrono::duration<double> cpu_before_ = cpu_time();
  std::uint64_t operations_ = 0;
  Histogram times_;
};

}  // namespace perkline::bench
