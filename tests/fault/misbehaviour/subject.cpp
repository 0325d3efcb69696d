#include "tests/fault/misbehaviour/subject.hpp"

#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

/// A till waits for less than half as long as a call may take, as it does by default. Long enough for
/// whatever is answered to be answered by then, however busy this machine is; the silent are waited out.
struct Patience {
  int till_ms;
  int call_ms;
};
Patience patience_with(Misbehaviour kind, FakePdi::Call endpoint) {
  // A sale comes to it by a finalize that is never answered.
  if (endpoint == FakePdi::Call::status) kind = Misbehaviour::committed_unanswered;
  switch (kind) {
    case Misbehaviour::connect_timeout:
    case Misbehaviour::hang:
    case Misbehaviour::drip:
    case Misbehaviour::committed_unanswered:
      return {.till_ms = 2000, .call_ms = 4800};
    default:
      return {.till_ms = 6000, .call_ms = 14'000};
  }
}

/// Where a call is tried twice, two; else one, as what follows a finalize may come in between.
int failures_to_open(FakePdi::Call endpoint) {
  return endpoint == FakePdi::Call::finalize || endpoint == FakePdi::Call::status ? 1 : 2;
}

/// One good probe closes the breaker; rates play no part. It is open for long enough to play an open cell on
/// a machine that stands still for seconds.
std::string settings(FakePdi::Call endpoint, Patience patience) {
  return "breaker: { min_calls: 1000000, consecutive_failures: " +
         std::to_string(failures_to_open(endpoint)) +
         ", half_open_permits: 1, open_base_ms: 12000, open_max_ms: 12000 }\n"
         "standin: { deadline_ms: " +
         std::to_string(patience.till_ms) +
         " }\n"
         "storage: { reserve_mib: 0 }\n";
}

LoneEdgeOptions edge_options(const OddProvider& pdi, const ProviderPapers& papers, Misbehaviour kind,
                             FakePdi::Call endpoint) {
  const Patience patience = patience_with(kind, endpoint);
  const std::string call_ms = std::to_string(patience.call_ms);
  return {.more = settings(endpoint, patience),
          .pdi = "url: \"" + pdi.url() + "\", token_url: \"" + pdi.token_url() +
                 "\", client_id: a, client_secret: b, ca_file: \"" + papers.authority.ca_file() +
                 "\", quiet_ms: 1000, timeouts_ms: { identify: " + call_ms + ", calculate: " + call_ms +
                 ", finalize: " + call_ms + ", status: " + call_ms + " }",
          .environment = pdi.environment()};
}

/// The sum of a metric's samples whose labels hold `label`.
std::size_t sum_of(const std::string& metrics, const std::string& name, const std::string& label) {
  double sum = 0;
  for (std::size_t at = metrics.find('\n' + name + '{'); at != std::string::npos;
       at = metrics.find('\n' + name + '{', at + 1)) {
    const std::string line = metrics.substr(at + 1, metrics.find('\n', at + 1) - at - 1);
    if (line.find(label) != std::string::npos) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return static_cast<std::size_t>(sum);
}

std::string value_of(const std::string& line, const std::string& name) {
  const std::string key = '"' + name + "\":\"";
  const std::size_t at = line.find(key);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

}  // namespace

Subject::Subject(const ProviderPapers& papers, Misbehaviour kind, Call endpoint)
    : pdi_(papers, kind), edge_(edge_options(pdi_, papers, kind, endpoint)) {}

std::string Subject::control(const std::string& line, const std::string& body) const {
  RawHttp connection(edge_.file("data") + "/control.sock");
  std::string text = line + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!body.empty())
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  connection.send(text + "\r\n" + body);
  const auto answer = connection.read_answer();
  EXPECT_TRUE(answer && answer->status == 200) << line;
  return answer ? answer->body : "";
}

std::string Subject::metrics() const {
  const auto answer = bench::call({.origin = edge_.ops_url(), .path = "/metrics"});
  return '\n' + answer.value_or(bench::WebAnswer{}).body;
}

std::size_t Subject::tries(Call call) const {
  if (call == Call::token) return sum_of(metrics(), "perkline_edge_oauth_refresh_total", "result");
  const std::string name = call == Call::calculate ? "calculateRewards"
                           : call == Call::status  ? "getSessionStatus"
                                                   : std::string(written(call));
  return sum_of(metrics(), "perkline_edge_pdi_requests_total", "endpoint=\"" + name + '"');
}

std::string Subject::breaker() const {
  return value_of(control("GET /status"), "breaker");
}

std::vector<std::string> Subject::breaker_changes() const {
  std::vector<std::string> changes;
  const std::string log = edge_.log();
  constexpr std::string_view change = "\"the circuit breaker has changed\"";
  for (std::size_t at = log.find(change); at != std::string::npos; at = log.find(change, at + 1)) {
    const std::string line = log.substr(at, log.find('\n', at) - at);
    changes.push_back(value_of(line, "from") + '>' + value_of(line, "to"));
  }
  return changes;
}

void Subject::hold_breaker_open() {
  control("POST /breaker", R"({"action":"force-open"})");
}

void Subject::close_breaker() {
  hold_breaker_open();
  control("POST /breaker", R"({"action":"auto"})");
}

bool Subject::token_breaker_is(const std::string& state) const {
  return metrics().find(R"(perkline_edge_breaker_state{name="token",state=")" + state + "\"} 1") !=
         std::string::npos;
}

std::size_t Subject::steps_to(const std::string& state) const {
  return sum_of(metrics(), "perkline_edge_session_steps_total", "state=\"" + state + '"');
}

std::string Subject::queued_as(const std::string& session) const {
  const auto queue = json::parse(control("GET /queue"));
  EXPECT_TRUE(queue);
  for (const json::Value& item : queue->root().find("items")->items()) {
    if (bench::text_at(item, "sessionId") == session) return bench::text_at(item, "status");
  }
  return "nothing";
}

void Subject::retry(const std::string& session) {
  control("POST /queue/" + session + "/retry", R"({"actor":"test"})");
}

void Subject::let_token_age() {
  (void)eventually([this] {
    const auto asked = books().arrivals(Call::token);
    return asked.empty() || std::chrono::steady_clock::now() > asked.back() + Millis{1050};
  });
}

}  // namespace perkline::test
