#include "shared/ops/metrics.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

namespace perkline::ops {
namespace {

bool holds_line(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

TEST(Metrics, AreToldInPrometheusText) {
  Metrics metrics;
  metrics.counter("perkline_edge_sales_total", "Sales by outcome.", {{"outcome", "finalized"}}).add();
  metrics.counter("perkline_edge_sales_total", "Sales by outcome.", {{"outcome", "pending"}}).add(2);
  metrics.gauge("perkline_edge_queue_records", "Sales waiting for PDI.").set(7);
  const auto durations = metrics.histogram("perkline_edge_ack_seconds", "Till waits.", {0.1, 1});
  durations.observe(0.05);
  durations.observe(0.5);
  durations.observe(5);
  const std::string text = metrics.text();
  for (const char* line :
       {"# HELP perkline_edge_sales_total Sales by outcome.", "# TYPE perkline_edge_sales_total counter",
        "perkline_edge_sales_total{outcome=\"finalized\"} 1",
        "perkline_edge_sales_total{outcome=\"pending\"} 2", "# TYPE perkline_edge_queue_records gauge",
        "perkline_edge_queue_records 7", "# TYPE perkline_edge_ack_seconds histogram",
        "perkline_edge_ack_seconds_bucket{le=\"0.1\"} 1", "perkline_edge_ack_seconds_bucket{le=\"1\"} 2",
        "perkline_edge_ack_seconds_bucket{le=\"+Inf\"} 3", "perkline_edge_ack_seconds_count 3"}) {
    EXPECT_TRUE(holds_line(text, line)) << line << "\nin\n" << text;
  }
}

TEST(Metrics, SameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  const Counter first = metrics.counter("a_total", "A.", {{"x", "1"}});
  const Counter again = metrics.counter("a_total", "A.", {{"x", "1"}});
  const Counter other = metrics.counter("a_total", "A.", {{"x", "2"}});
  first.add();
  again.add(2);
  EXPECT_EQ(first.value(), 3);
  EXPECT_EQ(other.value(), 0);
  const std::string text = metrics.text();
  EXPECT_EQ(text.find("# TYPE a_total"), text.rfind("# TYPE a_total"));
}

TEST(Metrics, GaugesGoUpAndDown) {
  Metrics metrics;
  const Gauge gauge = metrics.gauge("g", "G.");
  gauge.set(5);
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("a_total", "A.", {{"x", "q\"b\\n\nz"}}).add();
  EXPECT_TRUE(holds_line(metrics.text(), R"(a_total{x="q\"b\\n\nz"} 1)")) << metrics.text();
}

TEST(Metrics, CountsOfManyThreadsAddUp) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&metrics] {
        for (int i = 0; i < 1'000; ++i)
          metrics.counter("a_total", "A.", {{"x", std::to_string(i % 3)}}).add();
      });
    }
  }
  double sum = 0;
  for (const char* x : {"0", "1", "2"}) sum += metrics.counter("a_total", "A.", {{"x", x}}).value();
  EXPECT_EQ(sum, 4'000);
}

TEST(MetricsDeathTest, BadNamesAndTwoTypesOfOneNameAreBugs) {
  Metrics metrics;
  metrics.counter("a_total", "A.");
  EXPECT_DEATH(metrics.gauge("a_total", "A."), "assertion failed: metric a_total");
  EXPECT_DEATH(metrics.counter("not a name", "A."), "assertion failed: metric not a name");
}

TEST(DurationBounds, RiseFromHalfAMillisecondToTenSeconds) {
  const auto bounds = duration_bounds();
  EXPECT_EQ(bounds.front(), 0.0005);
  EXPECT_EQ(bounds.back(), 10);
  EXPECT_TRUE(std::ranges::is_sorted(bounds));
}

}  // namespace
}  // namespace perkline::ops
