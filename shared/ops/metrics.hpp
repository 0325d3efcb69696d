#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Registry;
}

/// Prometheus metrics. Handles are cheap to copy, thread-safe, and live as long as their Metrics.
namespace perkline::ops {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void add(double amount = 1) const;
  double value() const;

 private:
  friend class Metrics;
  void* counter_ = nullptr;
};

class Gauge {
 public:
  void set(double value) const;
  void add(double amount) const;
  double value() const;

 private:
  friend class Metrics;
  void* gauge_ = nullptr;
};

class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Metrics;
  void* histogram_ = nullptr;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  /// The same name and labels give the same metric. Names by Prometheus' conventions, with unit: `…_seconds`,
  /// `…_total`.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds`: the buckets' upper bounds, rising.
  Histogram histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                      const Labels& labels = {});
  /// The text exposition format 0.0.4.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For request and sync durations: 0.5 ms to 10 s.
std::vector<double> duration_bounds();

}  // namespace perkline::ops
