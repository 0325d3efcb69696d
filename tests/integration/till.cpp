#include "tests/integration/till.hpp"

#include <gtest/gtest.h>

namespace perkline::test {
namespace {

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

}  // namespace

bench::WebAnswer Till::post(const std::string& call, const std::string& body) const {
  auto answer =
      bench::call({.method = "POST", .origin = url_, .path = "/v1/" + call, .body = body, .bearer = key_});
  EXPECT_TRUE(answer) << call;
  return answer.value_or(bench::WebAnswer{});
}

bench::WebAnswer Till::get(const std::string& call) const {
  auto answer = bench::call({.origin = url_, .path = "/v1/" + call, .bearer = key_});
  EXPECT_TRUE(answer) << call;
  return answer.value_or(bench::WebAnswer{});
}

bench::WebAnswer Till::identify(const std::string& transaction, const std::string& customer) const {
  return post("identify", R"({"customerId":)" + quoted(customer) +
                              R"(,"channelId":"POS-001","transactionId":)" + quoted(transaction) + '}');
}

bench::WebAnswer Till::calculate(const std::string& session, const std::string& amount,
                                 const std::string& items) const {
  return post("calculateRewards", R"({"sessionId":)" + quoted(session) + R"(,"transactionAmount":)" + amount +
                                      R"(,"items":)" + items + '}');
}

bench::WebAnswer Till::finalize(const std::string& session, const std::string& transaction,
                                const std::string& amount, const std::string& more) const {
  return post("finalize", R"({"sessionId":)" + quoted(session) + R"(,"transactionId":)" +
                              quoted(transaction) + R"(,"finalAmount":)" + amount + ',' + more + '}');
}

bench::WebAnswer Till::abandon(const std::string& session) const {
  return post("void", R"({"sessionId":)" + quoted(session) + R"(,"reason":"customer left"})");
}

bench::WebAnswer Till::status(const std::string& session) const {
  return get("getSessionStatus?sessionId=" + session);
}

std::string Till::open(const std::string& transaction, const std::string& customer) const {
  const auto answer = identify(transaction, customer);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return text_at(answer, "sessionId");
}

std::string Till::price(const std::string& transaction, const std::string& amount,
                        const std::string& customer) const {
  std::string session = open(transaction, customer);
  const auto answer = calculate(session, amount);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return session;
}

std::uint16_t Till::port() const {
  return static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
}

std::string text_at(const bench::WebAnswer& answer, const std::string& name) {
  return bench::text_at(answer.json().root(), name);
}

std::int64_t number_at(const bench::WebAnswer& answer, const std::string& name) {
  return bench::integer_at(answer.json().root(), name);
}

bool is_null(const bench::WebAnswer& answer, const std::string& name) {
  const auto document = answer.json();
  const json::Value* value = document.root().find(name);
  return value != nullptr && value->is(json::Value::Kind::null);
}

std::string header_of(const bench::WebAnswer& answer, const std::string& name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

bool is_replay(const bench::WebAnswer& answer) {
  return header_of(answer, "idempotent-replayed") == "true";
}

std::vector<std::string> faulty_fields(const bench::WebAnswer& answer) {
  std::vector<std::string> fields;
  const auto document = answer.json();
  const json::Value* errors = document.root().find("errors");
  if (errors == nullptr) return fields;
  for (const auto& error : errors->items()) {
    EXPECT_FALSE(bench::text_at(error, "message").empty()) << answer.body;
    fields.push_back(bench::text_at(error, "field"));
  }
  return fields;
}

void expect_problem(const bench::WebAnswer& answer, int status, const std::string& code) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(text_at(answer, "code"), code) << answer.body;
  EXPECT_EQ(number_at(answer, "status"), status);
  EXPECT_EQ(header_of(answer, "content-type"), "application/problem+json");
  for (const char* member : {"type", "title", "detail"})
    EXPECT_NE(text_at(answer, member), "") << answer.body;
  // 00-<trace id>-<span id>-<flags>: the answer's trace is the one the body names.
  const std::string traceparent = header_of(answer, "traceparent");
  ASSERT_EQ(traceparent.size(), 55u) << answer.body;
  EXPECT_EQ(text_at(answer, "traceId"), traceparent.substr(3, 32));
}

void expect_replay(const bench::WebAnswer& again, const bench::WebAnswer& first) {
  EXPECT_EQ(again.status, first.status) << again.body;
  EXPECT_EQ(again.body, first.body);
  EXPECT_TRUE(is_replay(again)) << again.body;
}

}  // namespace perkline::test
