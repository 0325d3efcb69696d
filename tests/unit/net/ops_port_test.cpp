#include "shared/net/ops_port.hpp"

#include <atomic>

#include <gtest/gtest.h>

#include "shared/ops/health.hpp"
#include "shared/ops/metrics.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

struct Probed : testing::Test {
  Probed() {
    health.add("journal", ops::CheckRole::required, [this] {
      ops::CheckResult result;
      if (!journal_ok) result.status = ops::CheckStatus::down;
      return result;
    });
    health.add("<pdi>", ops::CheckRole::told,
               [] { return ops::CheckResult{.status = ops::CheckStatus::down, .circuit_breaker = "OPEN"}; });
    metrics.counter("perkline_sales_total", "Sales.").add(3);
  }

  RawAnswer get(const std::string& path) {
    RawHttp connection(port.port());
    connection.send(request("GET", path));
    return connection.read_answer().value();
  }

  ManualClock clock;
  ops::Health health{clock};
  ops::Metrics metrics;
  std::atomic<bool> journal_ok = true;
  net::OpsPort port{"127.0.0.1:0", "Store <1>", health, metrics};
};

TEST_F(Probed, AnswersProbesByWhatTheyMean) {
  ASSERT_TRUE(port.start());
  for (const char* path : {"/health", "/health/ready", "/health/live"}) {
    const RawAnswer answer = get(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_TRUE(answer.body.contains("\"circuitBreaker\":\"OPEN\"")) << answer.body;
  }
  journal_ok = false;
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(get("/health/ready").status, 503);
  EXPECT_EQ(get("/health/live").status, 503);
}

TEST_F(Probed, GivesMetricsAsPrometheusReadsThem) {
  ASSERT_TRUE(port.start());
  const RawAnswer answer = get("/metrics");
  EXPECT_EQ(answer.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(answer.body.contains("perkline_sales_total 3")) << answer.body;
}

TEST_F(Probed, StatusPageShowsTheChecksEscaped) {
  ASSERT_TRUE(port.start());
  const RawAnswer page = get("/");
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_TRUE(page.body.contains("<h1>Store &lt;1&gt;</h1>"));
  EXPECT_TRUE(page.body.contains("<tr><td>journal</td><td>up</td>"));
  EXPECT_TRUE(page.body.contains("<tr><td>&lt;pdi&gt;</td><td>down</td><td>OPEN</td></tr>")) << page.body;
}

TEST_F(Probed, AnswersNothingElse) {
  ASSERT_TRUE(port.start());
  EXPECT_EQ(get("/admin").status, 404);
  RawHttp connection(port.port());
  connection.send(post("/health", "{}"));
  EXPECT_EQ(connection.read_answer()->status, 405);
}

TEST_F(Probed, TakenPortIsTold) {
  ASSERT_TRUE(port.start());
  net::OpsPort second("127.0.0.1:" + std::to_string(port.port()), "", health, metrics);
  ASSERT_FALSE(second.start());
}

}  // namespace
}  // namespace perkline::test
