#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/integration/chain.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

constexpr const char* trace = "4bf92f3577b34da6a3ce929d0e0e4736";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A store that logs everything, after a sale online, one through an outage and one that PDI refuses: what it
/// tells of itself.
class Told : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    start_chain(1, {"log: { level: debug }\n"});
    if (HasFatalFailure()) return;
    online_ = sell("TOLD-1");
    pdi(R"({"endpoint":"*","mode":"reset"})");
    pending_ = sell("TOLD-2");
    EXPECT_EQ(metric_of(R"(perkline_edge_sessions{state="queued"})") +
                  metric_of(R"(perkline_edge_sessions{state="in_doubt"})") +
                  metric_of(R"(perkline_edge_sessions{state="finalizing"})"),
              1);
    pdi_is_well();
    status_once(till_of(0), pending_, "finalized");
    (void)till_of(0).identify("TOLD-3", "CUST-NOBODY");
    post_traced("return",
                R"({"originalTransactionId":"TOLD-1","transactionId":"TOLD-1-R","amount":"50.00"})");
    voided_ = till_of(0).price("TOLD-4");
    post_traced("void", R"({"sessionId":")" + voided_ + R"(","reason":"left"})");
  }
  /// With a trace of the till's own; the session.
  static std::string sell(const std::string& transaction) {
    const std::string session = till_of(0).price(transaction);
    post_traced("finalize", R"({"sessionId":")" + session + R"(","transactionId":")" + transaction +
                                R"(","finalAmount":"150.00","applyRewards":true})");
    return session;
  }
  /// A call of the till's trace.
  static void post_traced(const std::string& path, const std::string& body) {
    RawHttp connection(till_of(0).port());
    connection.send("POST /v1/" + path + " HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer " +
                    till_of(0).key() + "\r\nContent-Type: application/json\r\ntraceparent: 00-" + trace +
                    "-00f067aa0ba902b7-01\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                    body);
    const auto answer = connection.read_answer();
    EXPECT_TRUE(answer && (answer->status == 200 || answer->status == 202)) << path;
  }
  static std::string metrics() {
    const auto answer = bench::call({.origin = fleet().edge_ops_url(0), .path = "/metrics"});
    EXPECT_TRUE(answer);
    return answer ? answer->body : "";
  }
  /// Once the gauges have been renewed; -1 when it is not there.
  static double metric_of(const std::string& series) {
    double value = -1;
    (void)eventually(
        [&] {
          const std::string text = '\n' + metrics();
          const std::size_t at = text.find('\n' + series + ' ');
          if (at != std::string::npos) value = std::stod(text.substr(at + series.size() + 2));
          return value > 0;
        },
        std::chrono::seconds(2));
    return value;
  }
  static std::vector<std::string> log_lines() {
    std::vector<std::string> lines;
    std::istringstream text(text_of(fleet().log_of("edge-1")));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  /// The one line about that session with that message.
  static json::Document line_of(const std::string& message, const std::string& session) {
    std::vector<std::string> found;
    for (const std::string& line : log_lines()) {
      if (line.find("\"message\":\"" + message + '"') != std::string::npos &&
          line.find(session) != std::string::npos)
        found.push_back(line);
    }
    EXPECT_EQ(found.size(), 1u) << message;
    if (found.empty()) return {};
    auto document = json::parse(found.front());
    EXPECT_TRUE(document) << found.front();
    return document ? std::move(*document) : json::Document();
  }

  static inline std::string online_;
  static inline std::string pending_;
  static inline std::string voided_;
};

// ---- metrics

TEST_F(Told, EveryMetricOfTheDesignIsThereWithItsTypeAndLabels) {
  struct Wanted {
    const char* name;
    const char* type;
    std::vector<std::string> series;  ///< With their labels, as they must be there.
  };
  const std::vector<Wanted> all{
      {"perkline_edge_sale_ack_duration_seconds",
       "histogram",
       {"perkline_edge_sale_ack_duration_seconds_bucket{le=\"0.05\"}",
        "perkline_edge_sale_ack_duration_seconds_count 2"}},
      {"perkline_edge_queue_records", "gauge", {"perkline_edge_queue_records 0"}},
      {"perkline_edge_queue_oldest_age_seconds", "gauge", {"perkline_edge_queue_oldest_age_seconds 0"}},
      {"perkline_edge_pdi_requests_total",
       "counter",
       {R"(perkline_edge_pdi_requests_total{endpoint="identify",outcome="ok"})",
        R"(perkline_edge_pdi_requests_total{endpoint="identify",outcome="rejected"} 1)",
        R"(perkline_edge_pdi_requests_total{endpoint="identify",outcome="unavailable"})",
        R"(perkline_edge_pdi_requests_total{endpoint="finalize",outcome="ok"} 2)"}},
      {"perkline_edge_breaker_state",
       "gauge",
       {R"(perkline_edge_breaker_state{name="pdi",state="CLOSED"})",
        R"(perkline_edge_breaker_state{name="pdi",state="FORCED_OPEN"} 0)",
        R"(perkline_edge_breaker_state{name="token",state="OPEN"})"}},
      {"perkline_edge_sessions",
       "gauge",
       {R"(perkline_edge_sessions{state="active"} 0)", R"(perkline_edge_sessions{state="calculated"} 0)",
        R"(perkline_edge_sessions{state="finalizing"} 0)", R"(perkline_edge_sessions{state="in_doubt"} 0)",
        R"(perkline_edge_sessions{state="queued"} 0)", R"(perkline_edge_sessions{state="review"} 0)"}},
      {"perkline_edge_session_steps_total",
       "counter",
       {R"(perkline_edge_session_steps_total{state="finalized"} 3)",  // one of them a return
        R"(perkline_edge_session_steps_total{state="voided"} 1)",
        R"(perkline_edge_session_steps_total{state="expired"} 0)"}},
      {"perkline_edge_oauth_refresh_total",
       "counter",
       {R"(perkline_edge_oauth_refresh_total{result="ok"} 1)",
        R"(perkline_edge_oauth_refresh_total{result="failed"} 0)",
        R"(perkline_edge_oauth_refresh_total{result="invalid_client"} 0)"}},
      {"perkline_edge_outbox_lag_records", "gauge", {"perkline_edge_outbox_lag_records 0"}},
      {"perkline_edge_journal_sync_duration_seconds",
       "histogram",
       {"perkline_edge_journal_sync_duration_seconds_count"}},
      {"perkline_edge_storage_errors_total",
       "counter",
       {R"(perkline_edge_storage_errors_total{kind="read"} 0)",
        R"(perkline_edge_storage_errors_total{kind="write"} 0)",
        R"(perkline_edge_storage_errors_total{kind="mark"} 0)"}},
      {"perkline_edge_http_answers_total",
       "counter",
       {R"(perkline_edge_http_answers_total{route="/v1/finalize",status="202"} 1)"}},
  };
  EXPECT_TRUE(eventually(
      [] {
        const std::string text = metrics();
        return text.find("perkline_edge_outbox_lag_records 0") != std::string::npos &&
               text.find("perkline_edge_queue_records 0") != std::string::npos;
      },
      std::chrono::seconds(10)));
  const std::string text = '\n' + metrics();
  for (const auto& [name, type, series] : all) {
    EXPECT_NE(text.find(std::string("\n# TYPE ") + name + ' ' + type + '\n'), std::string::npos) << name;
    EXPECT_NE(text.find(std::string("\n# HELP ") + name + ' '), std::string::npos) << name;
    for (const std::string& each : series) EXPECT_NE(text.find('\n' + each), std::string::npos) << each;
  }
}

TEST_F(Told, MetricsKeepPrometheusConventionsAndTheReadmeListsEachOfThem) {
  const std::string readme = text_of(source_dir() + "/edge/README.md");
  std::istringstream text(metrics());
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    std::string name;
    std::string type;
    words >> hash >> what >> name >> type;
    if (hash != "#" || what != "TYPE") continue;
    EXPECT_TRUE(names.insert(name).second) << name << " twice";
    EXPECT_TRUE(std::regex_match(name, std::regex("perkline_edge_[a-z_]+"))) << name;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
    if (type == "histogram") EXPECT_TRUE(name.ends_with("_seconds")) << name;
    EXPECT_NE(readme.find('`' + name), std::string::npos) << name << " is not in edge/README.md";
  }
  EXPECT_GE(names.size(), 12u);
  // There once it has happened.
  const std::set<std::string> later{"perkline_edge_job_runs_total", "perkline_edge_job_duration_seconds",
                                    "perkline_edge_reconcile_differences_total"};
  const std::regex listed("`(perkline_edge_[a-z_]+)");
  for (std::sregex_iterator each(readme.begin(), readme.end(), listed), end; each != end; ++each) {
    const std::string name = (*each)[1];
    EXPECT_TRUE(names.contains(name) || later.contains(name)) << name << " is in edge/README.md alone";
  }
}

// ---- logs

TEST_F(Told, EachSaleHasItsLineAndBothOfAnOutageAreOneTrace) {
  const auto finalized = line_of("sale finalized", online_);
  const auto pending = line_of("sale pending", pending_);
  const auto settled = line_of("sale settled", pending_);
  for (const json::Document* line : {&finalized, &pending, &settled}) {
    const json::Value& root = line->root();
    for (const char* name : {"timestamp", "level", "service", "context", "message", "sessionId", "customerId",
                             "traceId", "spanId"})
      EXPECT_FALSE(bench::text_at(root, name).empty()) << name;
    EXPECT_EQ(bench::text_at(root, "level"), "info");
    EXPECT_EQ(bench::text_at(root, "service"), "perkline-edge");
    EXPECT_EQ(bench::text_at(root, "traceId"), trace);
    EXPECT_EQ(bench::integer_at(root, "earnedPoints"), 450);
    ASSERT_NE(root.find("duration"), nullptr);
  }
}

TEST_F(Told, AReturnAndAVoidHaveTheirLinesToo) {
  const auto returned = line_of("goods returned", online_);
  const auto voided = line_of("session voided", voided_);
  for (const json::Document* line : {&returned, &voided}) {
    const json::Value& root = line->root();
    for (const char* name : {"timestamp", "level", "service", "context", "message", "sessionId", "customerId",
                             "transactionId", "spanId"})
      EXPECT_FALSE(bench::text_at(root, name).empty()) << name;
    EXPECT_EQ(bench::text_at(root, "traceId"), trace);
    ASSERT_NE(root.find("duration"), nullptr);
    ASSERT_NE(root.find("earnedPoints"), nullptr);
  }
  EXPECT_EQ(bench::text_at(returned.root(), "transactionId"), "TOLD-1-R");
  EXPECT_EQ(bench::integer_at(returned.root(), "clawedBackPoints"), 150);
  EXPECT_EQ(bench::integer_at(returned.root(), "restoredPoints"), 0);
  EXPECT_EQ(bench::integer_at(returned.root(), "owed"), 150);
}

TEST_F(Told, CallsToPdiAreOfTheTillsTraceEachWithASpanOfItsOwn) {
  std::set<std::string> spans;
  std::size_t calls = 0;
  for (const std::string& line : log_lines()) {
    if (line.find(R"("message":"called")") == std::string::npos || line.find(trace) == std::string::npos)
      continue;
    const auto document = json::parse(line);
    ASSERT_TRUE(document) << line;
    ++calls;
    spans.insert(bench::text_at(document->root(), "spanId"));
  }
  EXPECT_GE(calls, 2u) << "a finalize each, at least";
  EXPECT_EQ(spans.size(), calls);
}

TEST_F(Told, NoLineHoldsASecretNorAboveDebugACustomer) {
  const std::string secret =
      text_of(fleet().edge_config(0).parent_path() / "edge-1.client_secret").substr(0, 48);
  ASSERT_GE(secret.size(), 32u);
  const auto lines = log_lines();
  EXPECT_GT(lines.size(), 10u);
  for (const std::string& line : lines) {
    ASSERT_TRUE(json::parse(line)) << line;
    EXPECT_EQ(line.find(till_of(0).key()), std::string::npos) << line;
    EXPECT_EQ(line.find(secret), std::string::npos) << line;
    EXPECT_FALSE(std::regex_search(line, std::regex("[Bb]earer |Basic |access_token"))) << line;
    if (line.find(R"("level":"debug")") == std::string::npos)
      EXPECT_EQ(line.find("CUST-"), std::string::npos) << line;
  }
}

/// What stands for a customer, or a login, in the lines with that message.
std::vector<std::string> named_in(const std::filesystem::path& log, const std::string& message,
                                  const std::string& field) {
  std::vector<std::string> named;
  std::istringstream text(text_of(log));
  for (std::string line; std::getline(text, line);) {
    if (line.find("\"message\":\"" + message + '"') == std::string::npos) continue;
    if (const auto parsed = json::parse(line)) named.push_back(bench::text_at(parsed->root(), field));
  }
  return named;
}

TEST(Hashes, InLogsAreEachStoresAndTheHubsOwnAndStayAcrossARestart) {
  const TempDir folder;
  auto fleet = bench::Fleet::start(fleet_options(folder, 2));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  const auto sell = [&](std::size_t edge, const std::string& transaction) {
    const Till till{fleet->edge_url(edge), fleet->terminal_key(edge)};
    EXPECT_EQ(text_at(till.finalize(till.price(transaction), transaction), "status"), "finalized");
  };
  const auto log_in = [&] {
    const auto answer = bench::call({.method = "POST",
                                     .origin = fleet->hub_url(),
                                     .path = "/api/v1/auth/login",
                                     .body = R"({"login":"who@example.com","password":"not the password"})"});
    EXPECT_TRUE(answer && answer->status == 401);
  };
  sell(0, "HASH-1");
  sell(1, "HASH-2");
  log_in();
  EXPECT_EQ(fleet->edge(0).terminate(), 0);
  EXPECT_EQ(fleet->hub().terminate(), 0);
  ASSERT_TRUE(fleet->start_edge(0));
  ASSERT_TRUE(fleet->start_hub());
  sell(0, "HASH-3");
  log_in();

  const auto one = named_in(fleet->log_of("edge-1"), "sale finalized", "customerId");
  const auto other = named_in(fleet->log_of("edge-2"), "sale finalized", "customerId");
  const auto logins = named_in(fleet->log_of("hub"), "login refused", "login");
  ASSERT_EQ(one.size(), 2u);
  ASSERT_EQ(other.size(), 1u);
  ASSERT_EQ(logins.size(), 2u);
  EXPECT_EQ(one[0].size(), 16u);
  EXPECT_EQ(one[0], one[1]);
  EXPECT_NE(one[0], other[0]);
  EXPECT_EQ(logins[0].size(), 16u);
  EXPECT_EQ(logins[0], logins[1]);
}

}  // namespace
}  // namespace perkline::test
