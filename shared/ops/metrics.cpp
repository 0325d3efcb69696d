#include "shared/ops/metrics.hpp"

#include <exception>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "shared/core/assert.hpp"

namespace perkline::ops {
namespace {

template <class Metric, class Builder, class... Args>
Metric& registered(Builder builder, prometheus::Registry& registry, const std::string& name,
                   const std::string& help, const Labels& labels, Args&&... args) {
  // The library throws for a name or label that Prometheus would not take, and for one name of two types.
  try {
    return builder.Name(name).Help(help).Register(registry).Add(labels, std::forward<Args>(args)...);
  } catch (const std::exception&) {
    assertion_failed(("metric " + name + " is well named and of one type").c_str(), __FILE__, __LINE__);
  }
}

prometheus::Counter& counter_of(void* handle) {
  return *static_cast<prometheus::Counter*>(handle);
}
prometheus::Gauge& gauge_of(void* handle) {
  return *static_cast<prometheus::Gauge*>(handle);
}
prometheus::Histogram& histogram_of(void* handle) {
  return *static_cast<prometheus::Histogram*>(handle);
}

}  // namespace

void Counter::add(double amount) const {
  counter_of(counter_).Increment(amount);
}
double Counter::value() const {
  return counter_of(counter_).Value();
}

void Gauge::set(double value) const {
  gauge_of(gauge_).Set(value);
}
void Gauge::add(double amount) const {
  gauge_of(gauge_).Increment(amount);
}
double Gauge::value() const {
  return gauge_of(gauge_).Value();
}

void Histogram::observe(double value) const {
  histogram_of(histogram_).Observe(value);
}

struct Metrics::State {
  prometheus::Registry registry;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  Counter handle;
  handle.counter_ =
      &registered<prometheus::Counter>(prometheus::BuildCounter(), state_->registry, name, help, labels);
  return handle;
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  Gauge handle;
  handle.gauge_ =
      &registered<prometheus::Gauge>(prometheus::BuildGauge(), state_->registry, name, help, labels);
  return handle;
}

Histogram Metrics::histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                             const Labels& labels) {
  Histogram handle;
  handle.histogram_ = &registered<prometheus::Histogram>(prometheus::BuildHistogram(), state_->registry, name,
                                                         help, labels, std::move(bounds));
  return handle;
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

std::vector<double> duration_bounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

}  // namespace perkline::ops
