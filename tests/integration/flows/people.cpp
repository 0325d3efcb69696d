#include "tests/integration/flows/people.hpp"

#include <atomic>
#include <chrono>

#include "shared/core/clock.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"
#include "tests/integration/till.hpp"

namespace perkline::test {
namespace {

std::string next_number() {
  static std::atomic<int> last{0};
  return std::to_string(++last);
}

std::string at(const json::Value& root, std::string_view path) {
  return bench::shown_at(root, path).value_or("(none)");
}

}  // namespace

Json::Json(const char* text) : Json(std::string(text)) {}

Json::Json(const std::string& text) {
  json::Writer out;
  out.value(text);
  written_ = out.take();
}

Json Json::list(const std::vector<std::string>& texts) {
  json::Writer out;
  out.begin_array();
  for (const std::string& text : texts) out.value(text);
  Json list;
  list.written_ = out.end_array().take();
  return list;
}

Json Json::object(Members members) {
  Json object;
  object.written_ = body(members);
  return object;
}

std::string body(Members members, Members more) {
  json::Writer out;
  out.begin_object();
  for (const Members& part : {members, more}) {
    for (const auto& [name, value] : part) out.key(name).raw(value.written());
  }
  return out.end_object().take();
}

std::string at(const bench::WebAnswer& answer, std::string_view path) {
  return at(answer.body, path);
}

std::string at(const std::string& json, std::string_view path) {
  const auto document = json::parse(json);
  return document ? at(document->root(), path) : "(none)";
}

std::vector<std::string> each(const bench::WebAnswer& list, const std::string& path) {
  const auto document = json::parse(list.body);
  const json::Value* items = document ? document->root().find("items") : nullptr;
  std::vector<std::string> found;
  EXPECT_NE(items, nullptr) << list.body;
  if (items == nullptr) return found;
  for (const json::Value& item : items->items()) found.push_back(at(item, path));
  return found;
}

bench::WebAnswer HubCalls::call(const std::string& method, const std::string& path, const std::string& body,
                                const std::string& token, Headers headers) const {
  auto answer = bench::call({.method = method,
                             .origin = url_,
                             .path = "/api/v1/" + path,
                             .body = body,
                             .bearer = token,
                             .headers = std::move(headers)});
  EXPECT_TRUE(answer) << method << ' ' << path;
  return answer.value_or(bench::WebAnswer{});
}

bench::WebAnswer HubCalls::get(const std::string& path, const std::string& token, Headers headers) const {
  return call("GET", path, "", token, std::move(headers));
}

bench::WebAnswer HubCalls::post(const std::string& path, const std::string& body, const std::string& token,
                                Headers headers) const {
  headers.try_emplace("Idempotency-Key", "flow-" + next_number());
  return call("POST", path, body, token, std::move(headers));
}

bench::WebAnswer HubCalls::patch(const std::string& path, const std::string& body,
                                 const std::string& token) const {
  return call("PATCH", path, body, token, {});
}

bench::WebAnswer HubCalls::put(const std::string& path, const std::string& body,
                               const std::string& token) const {
  return call("PUT", path, body, token, {});
}

Person HubCalls::join(const std::string& name, Members more) const {
  const std::string email = address(name);
  const auto in =
      post("auth/register", body({{"email", email}, {"name", name}, {"password", password_of_all}}, more));
  EXPECT_EQ(in.status, 201) << in.body;
  return {.id = at(in, "user.id"),
          .email = email,
          .token = at(in, "accessToken"),
          .referral_code = at(in, "user.referralCode"),
          .cookie = refresh_cookie(in)};
}

std::string HubCalls::log_in(const std::string& login, const std::string& password) const {
  const auto in = post("auth/login", body({{"login", login}, {"password", password}}));
  EXPECT_EQ(in.status, 200) << in.body;
  return at(in, "accessToken");
}

std::string HubCalls::available(const Person& member) const {
  return at(get("wallet", member.token), "balances.0.available");
}

std::string HubCalls::points(const Person& member) const {
  return at(get("points/balance", member.token), "balance");
}

std::uint16_t HubCalls::port() const {
  return static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
}

std::string address(const std::string& name) {
  return name + "." + next_number() + "@example.com";
}

std::string refresh_cookie(const bench::WebAnswer& answer) {
  const std::string name = "perkline_refresh=";
  const std::string field = header_of(answer, "set-cookie");
  return field.starts_with(name) ? field.substr(name.size(), field.find(';') - name.size()) : "";
}

std::string day_from_now(int days) {
  return format_day(std::chrono::floor<std::chrono::days>(SystemClock().wall_now()) +
                    std::chrono::days{days});
}

void HubFlowTest::start_hub(const std::string& more) {
  if (on_postgres()) database_ = std::make_unique<PostgresDatabase>(Schema::copied);
  hub_ = std::make_unique<LoneHub>("", no_limits + more, "", database_ ? database_->url() : "");
  admin_ = hub_->admin();
}

void HubFlowTest::credit(const Person& member, const std::string& amount) {
  const auto credited = calls().post(
      "wallet/credits",
      body({{"userId", member.id}, {"amount", amount}, {"currency", "USD"}, {"reason", "to begin with"}}),
      admin());
  ASSERT_EQ(credited.status, 201) << credited.body;
}

std::string HubFlowTest::make_promotion(const std::string& title, const std::string& type,
                                        const std::string& amount) {
  const auto made = calls().post("promotions",
                                 body({{"title", title},
                                       {"type", type},
                                       {"amount", amount},
                                       {"startDate", day_from_now(-1)},
                                       {"endDate", day_from_now(30)}}),
                                 admin());
  EXPECT_EQ(made.status, 201) << made.body;
  return at(made, "id");
}

bench::WebAnswer HubFlowTest::assign(const std::string& promotion, const Texts& users) {
  return calls().post("promotions/" + promotion + "/assign", body({{"userIds", Json::list(users)}}), admin());
}

bench::WebAnswer HubFlowTest::claim(const Person& member, const std::string& promotion) {
  return calls().post("promotions/claim", body({{"promotionId", promotion}}), member.token);
}

Texts HubFlowTest::told(const Person& member) {
  return each(calls().get("notifications", member.token), "content.title");
}

}  // namespace perkline::test
