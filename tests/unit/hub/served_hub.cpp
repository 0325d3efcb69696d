#include "tests/unit/hub/served_hub.hpp"

#include <gtest/gtest.h>

#include "hub/api/openapi.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/net/either.hpp"
#include "tests/support/answer_schemas.hpp"

namespace perkline::test {

using namespace hub;

namespace {

constexpr identity::HashCost cheap{.passes = 1, .memory_bytes = 8192};

std::string request(const std::string& method, const std::string& path, const std::string& token,
                    const std::string& body, const std::string& headers) {
  std::string text = method + ' ' + path + " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n";
  if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
  if (method == "POST" || method == "PUT" || method == "PATCH") {
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + headers + "\r\n" + body;
}

/// Every answer is as openapi.yaml says.
void expect_documented(const std::string& method, const std::string& path, const RawAnswer& answer) {
  static const AnswerSchemas schemas(api::openapi_yaml());
  if (answer.status == 0) return;  // None came: the test's to judge.
  EXPECT_EQ(schemas.faults({.method = method,
                            .path = path,
                            .status = answer.status,
                            .content_type = answer.field("Content-Type").value_or(""),
                            .body = answer.body}),
            std::vector<std::string>{})
      << answer.body;
}

Task<void> run_until(Task<void> task, net::Signal& end, std::promise<void>& ended) {
  co_await net::either(std::move(task), end.wait());
  ended.set_value();
}

}  // namespace

std::set<std::string> faults_of(const RawAnswer& answer) {
  std::set<std::string> fields;
  const auto document = json::parse(answer.body);
  const json::Value* errors = document ? document->root().find("errors") : nullptr;
  if (errors == nullptr) return fields;
  for (const auto& error : errors->items()) fields.emplace(error.find("field")->text());
  return fields;
}

ServedHub::ServedHub(api::Attempts::Limits limits, HubWeb web)
    : password_hash_(identity::hash_password(password, cheap).value()) {
  reactor_.run([&] { database_ = db::open_database(*reactor_, place_.url()).value(); });
  EXPECT_TRUE(reactor_.await(db::migrate(*database_, clock_, ids_)));
  EXPECT_TRUE(reactor_.await(wheel::commit_seeds(*database_, {wheel::the_hub}, clock_.wall_now(), rng_)));
  auto keys = reactor_.await(db::write_for<std::vector<identity::SigningKey>>(
      *database_, [now = clock_.wall_now()](db::Transaction& transaction) {
        return identity::load_or_make_signing_keys(transaction, now);
      }));
  keys_ = std::move(keys).value();
  reactor_.run([&] {
    tokens_.emplace(keys_, identity::Tokens::Options{.terms = {.issuer = "perkline"}}, clock_, rng_);
    hasher_.emplace(*reactor_, identity::PasswordHasher::Options{.threads = 1, .cost = cheap});
    api_.emplace(api::HubApi::Parts{*database_, *hasher_, *tokens_, reactor_->clock(), rng_, health_},
                 api::HubApi::Options{.limits = limits,
                                      .member_per_second = web.member_per_second,
                                      .sessions = {.refresh_key = std::string(32, 'k')},
                                      .secure_cookies = false,
                                      .terms = web.terms,
                                      .top_ups = web.top_ups,
                                      .wheel = web.wheel,
                                      .on_spin = web.on_spin,
                                      .sockets = web.sockets});
    server_.emplace(*reactor_, std::move(web.server), api_->router(), api_->guard());
    EXPECT_TRUE(server_->start());
    end_feed_.emplace();
    reactor_->spawn(run_until(api_->feed().run(), *end_feed_, feed_ended_));
  });
}

ServedHub::~ServedHub() {
  reactor_.await(server_->drain(reactor_->clock().mono_now() + seconds{5}));
  reactor_.run([&] { end_feed_->notify(); });
  feed_ended_.get_future().wait();
  reactor_.run([&] {
    end_feed_.reset();
    server_.reset();
    api_.reset();
    hasher_.reset();
    tokens_.reset();
    database_.reset();
  });
}

RawAnswer ServedHub::send(const std::string& method, const std::string& path, const std::string& token,
                          const std::string& body, const std::string& headers) const {
  RawHttp connection = connect();
  connection.send(request(method, path, token, body, headers));
  auto answer = connection.read_answer().value_or(RawAnswer{});
  expect_documented(method, path, answer);
  return answer;
}

RawAnswer ServedHub::get(const std::string& path, const std::string& token) const {
  return send("GET", path, token, "");
}

RawAnswer ServedHub::log_in(const std::string& login, const std::string& secret) const {
  return send("POST", "/api/v1/auth/login", "",
              R"({"login":")" + login + R"(","password":")" + secret + R"("})");
}

identity::User ServedHub::add_user(const std::string& name, identity::Role role,
                                   std::optional<CustomerId> loyalty_id) {
  identity::NewUser added{.user = {}, .password_hash = password_hash_};
  added.user.id = UserId(ids_.next().str());
  added.user.email = name + "@example.com";
  added.user.name = name;
  added.user.role = role;
  added.user.created_at = clock_.wall_now();
  write([&](db::Transaction& transaction) { return identity::insert_user(transaction, added); });
  if (loyalty_id) {
    execute("UPDATE users SET loyalty_id = $2, loyalty_verified = 1 WHERE id = $1",
            {added.user.id.str(), loyalty_id->str()});
  }
  return added.user;
}

std::string ServedHub::token_of(const identity::User& user) {
  std::string token;
  reactor_.run([&] { token = tokens_->issue(user); });
  return token;
}

std::string ServedHub::token_for(identity::Role role) {
  return token_of(add_user("user" + std::to_string(++users_), role));
}

void ServedHub::write(const std::function<Result<void>(db::Transaction&)>& work) {
  const auto done = reactor_.await(database_->write(work));
  EXPECT_TRUE(done) << done.error().detail;
}

std::vector<std::string> ServedHub::column(const std::string& sql) {
  std::vector<std::string> found;
  write([&](db::Transaction& transaction) -> Result<void> {
    auto rows = transaction.query(sql);
    if (!rows) return failure(rows);
    found.clear();
    for (const auto& row : *rows) found.push_back(row.text(0));
    return {};
  });
  return found;
}

void ServedHub::tell_events(bool mail) {
  std::vector<events::DomainEvent> happened;
  write([&](db::Transaction& transaction) -> Result<void> {
    auto rows = transaction.query("SELECT id, type, occurred_at, data FROM event_outbox ORDER BY id");
    if (!rows) return failure(rows);
    happened.clear();
    for (const auto& row : *rows) {
      happened.push_back({.id = parse_uuid(row.text(0)).value(),
                          .type = row.text(1),
                          .occurred_at = WallTime{Millis{row.integer(2)}},
                          .traceparent = {},
                          .data = row.text(3)});
    }
    return {};
  });
  notifications::Notifier notifier(clock_, ids_, {.mail = mail});
  write(notifier.take(happened));
}

void ServedHub::execute(const std::string& sql, std::vector<db::Value> parameters) {
  write([&](db::Transaction& transaction) -> Result<void> {
    auto done = transaction.execute(sql, parameters);
    if (!done) return failure(done);
    return {};
  });
}

std::string member_of(const std::string& json, const std::string& name) {
  const auto document = json::parse(json);
  EXPECT_TRUE(document) << json;
  const json::Value* found = document ? document->root().find(name) : nullptr;
  return found == nullptr ? "" : std::string(found->text());
}

}  // namespace perkline::test
