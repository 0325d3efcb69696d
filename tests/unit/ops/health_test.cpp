#include "shared/ops/health.hpp"

#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.hpp"

namespace perkline::ops {
namespace {

using namespace std::chrono_literals;

CheckResult result(CheckStatus status, std::optional<double> latency_ms = {}, std::string breaker = "") {
  return {.status = status, .latency_ms = latency_ms, .circuit_breaker = std::move(breaker)};
}

/// A daemon with a journal it needs and a PDI it does not.
struct Daemon {
  Daemon() {
    health.add("journal", CheckRole::required, [this] { return journal; });
    health.add("pdi", CheckRole::told, [this] { return pdi; });
  }
  test::ManualClock clock;
  Health health{clock};
  CheckResult journal;
  CheckResult pdi;
};

std::string status_of(const Health::Report& report) {
  const std::string start = "{\"status\":\"";
  return report.body.substr(start.size(), report.body.find('"', start.size()) - start.size());
}

TEST(Health, BodyIsTheContracts) {
  Daemon daemon;
  daemon.journal = result(CheckStatus::up, 0.25);
  daemon.pdi = result(CheckStatus::degraded, 4'500, "HALF_OPEN");
  daemon.clock.advance(3'600'999ms);
  EXPECT_EQ(daemon.health.live().body,
            R"({"status":"degraded","timestamp":"2026-03-01T01:00:00.999Z","uptime":3600,"checks":{)"
            R"("journal":{"status":"up","latency":0.25},)"
            R"("pdi":{"status":"degraded","latency":4500.0,"circuitBreaker":"HALF_OPEN"}}})");
}

TEST(Health, WhatNobodyHasMeasuredIsNull) {
  Daemon daemon;
  daemon.pdi = result(CheckStatus::up, std::numeric_limits<double>::infinity());
  const std::string body = daemon.health.live().body;
  EXPECT_TRUE(body.contains(R"("journal":{"status":"up","latency":null})")) << body;
  EXPECT_TRUE(body.contains(R"("pdi":{"status":"up","latency":null})")) << body;
}

TEST(Health, WithoutChecksAProcessIsHealthy) {
  const test::ManualClock clock;
  const Health health(clock);
  EXPECT_EQ(health.ready().http_status, 200);
  EXPECT_EQ(health.ready().body,
            R"({"status":"healthy","timestamp":"2026-03-01T00:00:00.000Z","uptime":0,"checks":{}})");
}

TEST(Health, ARequiredCheckThatIsDownMakesTheDaemonNeitherReadyNorLiveButAlive) {
  Daemon daemon;
  daemon.journal = result(CheckStatus::down);
  EXPECT_EQ(daemon.health.alive().http_status, 200);
  EXPECT_EQ(daemon.health.ready().http_status, 503);
  EXPECT_EQ(daemon.health.live().http_status, 503);
  EXPECT_EQ(status_of(daemon.health.live()), "unhealthy");
}

TEST(Health, ADependencyThatIsOnlyToldDecidesNothing) {
  Daemon daemon;
  for (const auto status : {CheckStatus::degraded, CheckStatus::down}) {
    daemon.pdi = result(status, 0, "OPEN");
    EXPECT_EQ(daemon.health.ready().http_status, 200);
    EXPECT_EQ(daemon.health.live().http_status, 200);
    EXPECT_EQ(status_of(daemon.health.ready()), "degraded");
  }
}

TEST(Health, ARequiredCheckThatIsDegradedStillServes) {
  Daemon daemon;
  daemon.journal = result(CheckStatus::degraded);
  EXPECT_EQ(daemon.health.ready().http_status, 200);
  EXPECT_EQ(status_of(daemon.health.ready()), "degraded");
}

TEST(Health, RecoversWithItsChecks) {
  Daemon daemon;
  daemon.journal = result(CheckStatus::down);
  EXPECT_EQ(daemon.health.ready().http_status, 503);
  daemon.journal = result(CheckStatus::up);
  EXPECT_EQ(daemon.health.ready().http_status, 200);
  EXPECT_EQ(status_of(daemon.health.ready()), "healthy");
}

TEST(Health, ACheckThatThrowsIsDown) {
  Daemon daemon;
  daemon.health.add("disk", CheckRole::required, []() -> CheckResult { throw std::runtime_error("broken"); });
  const auto report = daemon.health.live();
  EXPECT_EQ(report.http_status, 503);
  EXPECT_NE(report.body.find(R"("disk":{"status":"down")"), std::string::npos);
  EXPECT_EQ(report.body.find("broken"), std::string::npos);
}

TEST(Health, UptimeIsOfTheMonotonicClock) {
  Daemon daemon;
  daemon.clock.wall -= 24h * 3'650;
  daemon.clock.mono += 5s;
  EXPECT_NE(daemon.health.alive().body.find("\"uptime\":5,"), std::string::npos);
}

TEST(HealthDeathTest, TwoChecksOfOneNameAreABug) {
  Daemon daemon;
  EXPECT_DEATH(daemon.health.add("pdi", CheckRole::told, [] { return CheckResult{}; }), "assertion failed");
}

}  // namespace
}  // namespace perkline::ops
