#include <algorithm>

#include "tests/integration/chain.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

/// What is refused before anybody looks at a sale, and in which order (contract.md §5).
class TillFraming : public ChainTest {
 protected:
  static std::string bearer() { return "Authorization: Bearer " + till_of(0).key() + "\r\n"; }
  static std::string request(const std::string& line, const std::string& fields = {},
                             const std::string& body = {}) {
    return line + " HTTP/1.1\r\nHost: till\r\n" + fields + "\r\n" + body;
  }
  static std::string with_body(const std::string& line, const std::string& fields, const std::string& body) {
    return request(line, "Content-Length: " + std::to_string(body.size()) + "\r\n" + fields, body);
  }
  static RawAnswer send(const std::string& bytes) {
    RawHttp connection(till_of(0).port());
    connection.send(bytes);
    auto answer = connection.read_answer();
    EXPECT_TRUE(answer) << bytes.substr(0, 200);
    return answer.value_or(RawAnswer{});
  }
  static constexpr const char* json_type = "Content-Type: application/json\r\n";
};

TEST_F(TillFraming, EachFaultHasItsStatusAndCode) {
  struct Case {
    std::string bytes;
    int status;
    const char* code;
    const char* what;
  };
  const std::string line = "POST /v1/identify";
  for (const auto& [bytes, status, code, what] : std::vector<Case>{
           {request(line, bearer() + "Transfer-Encoding: chunked\r\n"), 411, "LENGTH_REQUIRED", "chunked"},
           {request(line, bearer() + json_type), 411, "LENGTH_REQUIRED", "no length"},
           {request(line, bearer() + "Transfer-Encoding: gzip, chunked\r\n"), 400, "BAD_REQUEST", "gzip"},
           {request(line, bearer() + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "{}"), 400,
            "BAD_REQUEST", "both"},
           {"POST /v1/identify HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400, "BAD_REQUEST", "no Host"},
           {request(line, bearer() + "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400, "BAD_REQUEST",
            "two lengths"},
           {request(line, bearer() + "X-Long: " + std::string(17 * 1024, 'x') + "\r\n"), 431,
            "HEADERS_TOO_LARGE", "a long head"},
           {request(line, bearer() + json_type + "Content-Length: 262145\r\n"), 413, "BODY_TOO_LARGE",
            "one byte over 256 KiB"},
           {with_body(line, bearer() + "Content-Type: text/plain\r\n", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE",
            "text"},
           {with_body(line, bearer(), "{}"), 415, "UNSUPPORTED_MEDIA_TYPE", "no type"},
           {with_body(line, bearer(), ""), 400, "MALFORMED_JSON", "an empty body needs no type"}}) {
    const auto answer = send(bytes);
    EXPECT_EQ(answer.status, status) << what;
    EXPECT_EQ(answer.code(), code) << what << answer.body;
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json") << what;
    EXPECT_EQ(answer.field("traceparent").value_or("").size(), 55u) << what;
  }
}

TEST_F(TillFraming, ComesBeforeRouteBeforeWhoBeforeBodyBeforeState) {
  EXPECT_EQ(send(request("POST /v1/nowhere", "Transfer-Encoding: gzip\r\n")).status, 400);
  EXPECT_EQ(send(with_body("POST /v1/nowhere", json_type, "{")).status, 404);
  EXPECT_EQ(send(with_body("PUT /v1/finalize", json_type, "{")).status, 405);
  EXPECT_EQ(send(with_body("POST /v1/finalize", json_type, "{")).code(), "UNAUTHENTICATED");
  EXPECT_EQ(send(with_body("POST /v1/finalize", "Content-Type: text/plain\r\n", "{")).status, 401);
  EXPECT_EQ(send(with_body("POST /v1/finalize", bearer() + json_type, "{")).code(), "MALFORMED_JSON");

  const auto till = till_of(0);
  const std::string session = till.open("FRAME-1");
  expect_problem(till.finalize(session, "FRAME-1", "-1"), 400, "VALIDATION_FAILED");
  expect_problem(till.finalize(session, "FRAME-1"), 409, "SESSION_STATE");
}

TEST_F(TillFraming, WrongMethodsAreToldTheRightOnes) {
  for (const char* call : {"identify", "calculateRewards", "finalize", "void"}) {
    const auto answer = send(request(std::string("GET /v1/") + call));
    EXPECT_EQ(answer.status, 405) << call;
    EXPECT_EQ(answer.code(), "METHOD_NOT_ALLOWED");
    EXPECT_EQ(answer.field("Allow"), "POST") << call;
  }
  EXPECT_EQ(send(with_body("POST /v1/getSessionStatus", "", "")).field("Allow"), "GET, HEAD");
}

TEST_F(TillFraming, AnswersGoOnWithTheCallersTrace) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string fields = bearer() + json_type + "traceparent: 00-" + trace + "-00f067aa0ba902b7-01\r\n";
  const auto good =
      send(with_body("POST /v1/identify", fields,
                     R"({"customerId":"CUST-12345","channelId":"POS-1","transactionId":"TRACE-1"})"));
  EXPECT_EQ(good.status, 200) << good.body;
  const auto bad = send(with_body("POST /v1/identify", fields, "{}"));
  EXPECT_EQ(bad.status, 400);
  for (const auto& answer : {good, bad}) {
    const std::string told = answer.field("traceparent").value_or("");
    EXPECT_EQ(told.substr(0, 36), "00-" + trace + '-');
    EXPECT_NE(told.substr(36, 16), "00f067aa0ba902b7") << "a span of its own";
  }
  EXPECT_NE(bad.body.find("\"traceId\":\"" + trace + '"'), std::string::npos) << bad.body;
}

TEST_F(TillFraming, ABodyMayHaveAQuarterOfAMebibyteAndNotAByteMore) {
  std::string body = R"({"customerId":"CUST-12345","channelId":"POS-1","transactionId":"LARGE-1"})";
  body += std::string(256 * 1024 - body.size(), ' ');
  EXPECT_EQ(send(with_body("POST /v1/identify", bearer() + json_type, body)).status, 200);
  EXPECT_EQ(send(with_body("POST /v1/identify", bearer() + json_type, body + ' ')).code(), "BODY_TOO_LARGE");
}

TEST_F(TillFraming, RefusalBeforeTheBodyReachesATillThatIsStillSending) {
  RawHttp connection(till_of(0).port());
  ASSERT_TRUE(connection.send(request(
      "POST /v1/identify", bearer() + json_type + "Content-Length: 1000000\r\n", std::string(500'000, 'x'))));
  const auto answer = connection.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->field("Connection"), "close");
  EXPECT_TRUE(connection.is_closed());
}

/// `GET` on the API's or the ops port.
bench::WebAnswer ask(const std::string& origin, const std::string& path) {
  auto answer = bench::call({.origin = origin, .path = path});
  EXPECT_TRUE(answer) << path;
  return answer.value_or(bench::WebAnswer{});
}

void expect_health(const bench::WebAnswer& answer, const std::string& status) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(text_at(answer, "status"), status) << answer.body;
  EXPECT_TRUE(text_at(answer, "timestamp").ends_with('Z')) << answer.body;
  const auto report = answer.json();
  EXPECT_NE(report.root().find("uptime"), nullptr);
  const json::Value* checks = report.root().find("checks");
  ASSERT_NE(checks, nullptr);
  for (const char* name : {"reactor", "journal", "pdi", "hub"}) {
    const json::Value* check = checks->find(name);
    ASSERT_NE(check, nullptr) << name << answer.body;
    const std::string told = bench::text_at(*check, "status");
    EXPECT_TRUE(told == "up" || told == "degraded" || told == "down") << answer.body;
    ASSERT_NE(check->find("latency"), nullptr) << answer.body;
  }
  EXPECT_FALSE(bench::text_at(*checks->find("pdi"), "circuitBreaker").empty()) << answer.body;
}

TEST_F(TillFraming, HealthIsToldOnBothPortsAndPdiAndHubNeverDecideIt) {
  (void)till_of(0).open("HEALTH-1");
  const std::string ops = fleet().edge_ops_url(0);
  EXPECT_TRUE(eventually([&] { return text_at(ask(ops, "/health"), "status") == "healthy"; }));
  for (const char* path : {"/health", "/health/ready", "/health/live"})
    expect_health(ask(ops, path), "healthy");
  expect_health(ask(till_of(0).url(), "/health"), "healthy");
  // Everybody was at work by now, and it took them some time.
  const auto report = ask(ops, "/health").json();
  for (const char* name : {"journal", "storage", "pdi", "hub"}) {
    const json::Value* latency = report.root().find("checks")->find(name)->find("latency");
    ASSERT_TRUE(latency->is(json::Value::Kind::number)) << name;
    EXPECT_GT(std::stod(std::string(latency->text())), 0.0) << name;
  }

  pdi(R"({"endpoint":"*","mode":"status"})");
  (void)till_of(0).open("HEALTH-2");
  fleet().hub().kill();
  EXPECT_TRUE(eventually([&] {
    const auto report = ask(ops, "/health/ready").json();
    const json::Value* checks = report.root().find("checks");
    return checks != nullptr && bench::text_at(*checks->find("pdi"), "status") == "down" &&
           bench::text_at(*checks->find("hub"), "status") == "down";
  })) << ask(ops, "/health").body;
  for (const char* path : {"/health", "/health/ready", "/health/live"})
    expect_health(ask(ops, path), "degraded");
  pdi_is_well();
  ASSERT_TRUE(fleet().start_hub());
}

TEST_F(TillFraming, OpsPortHasMetricsAndAPage) {
  (void)till_of(0).price("OPS-1");
  const auto metrics = ask(fleet().edge_ops_url(0), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_TRUE(header_of(metrics, "content-type").starts_with("text/plain"))
      << header_of(metrics, "content-type");
  for (const char* name :
       {"perkline_edge_sale_ack_duration_seconds", "perkline_edge_queue_records",
        "perkline_edge_queue_oldest_age_seconds", "perkline_edge_pdi_requests_total",
        "perkline_edge_breaker_state", "perkline_edge_sessions", "perkline_edge_oauth_refresh_total",
        "perkline_edge_outbox_lag_records", "perkline_edge_journal_sync_duration_seconds"})
    EXPECT_NE(metrics.body.find(std::string("# TYPE ") + name + ' '), std::string::npos) << name;
  const auto page = ask(fleet().edge_ops_url(0), "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(header_of(page, "content-type").starts_with("text/html"));
  EXPECT_EQ(ask(fleet().edge_ops_url(0), "/nowhere").status, 404);
}

}  // namespace
}  // namespace perkline::test
