#include "hub/api/auth_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/identity/ascii.hpp"
#include "shared/json/fields.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::api {
namespace {

/// RFC 5321 §4.5.3.1.3; a mobile number is shorter.
constexpr std::size_t login_bytes_max = 254;

struct LoginBody {
  std::string login;
  std::string password;
};

/// Any characters at all, so not by Fields' rule for texts.
std::string password_in(const json::Value& root, json::Fields& fields) {
  const json::Value* value = root.find("password");
  if (value == nullptr) {
    fields.fault("password", "is required");
  } else if (!value->is(json::Value::Kind::string) || value->text().empty() ||
             value->text().size() > identity::password_bytes_max) {
    fields.fault("password",
                 "must be a string of 1 to " + std::to_string(identity::password_bytes_max) + " bytes");
  } else {
    return std::string(value->text());
  }
  return {};
}

Result<LoginBody> read_login(const std::string& body) {
  return json::read_body(body, [](json::Fields& fields, const json::Value& root) {
    return LoginBody{.login = fields.required_text("login", {.bytes_min = 1, .bytes_max = login_bytes_max}),
                     .password = password_in(root, fields)};
  });
}

net::Response refusal(const RateLimiter::Verdict& verdict, const net::Request& request) {
  return net::problem_response(rate_limited(verdict.quota, "too many attempts"), request.traceparent);
}

std::string answer_of(const identity::LoggedIn& done) {
  json::Writer out;
  out.begin_object();
  out.field("accessToken", done.access_token).field("expiresIn", done.expires_in.count());
  out.key("user");
  write_user(out, done.user);
  out.end_object();
  return out.take();
}

}  // namespace

AuthRoutes::AuthRoutes(db::Database& database, identity::PasswordHasher& hasher, identity::Tokens& tokens,
                       const Clock& clock, Limits limits)
    : database_(database),
      hasher_(hasher),
      tokens_(tokens),
      clock_(clock),
      per_login_({.calls_max = limits.login_per_minute}),
      per_address_({.calls_max = limits.auth_per_address_minute}) {}

void AuthRoutes::add_to(net::Router& router) {
  add_route(router, net::Method::post, "/api/v1/auth/login",
            [this](net::Request request) { return log_in(std::move(request)); });
}

Task<net::Response> AuthRoutes::log_in(net::Request request) {
  const auto address = per_address_.admit(request.peer, clock_.mono_now());
  if (!address.admitted) co_return refusal(address, request);
  auto body = read_login(request.body);
  if (!body) co_return net::problem_response(body.error(), request.traceparent);
  // Spelled as it is compared, or each way to write an address would have attempts of its own.
  const auto login = per_login_.admit(identity::ascii_lower(body->login), clock_.mono_now());
  if (!login.admitted) co_return refusal(login, request);

  auto done = co_await identity::log_in(database_, hasher_, tokens_, body->login, std::move(body->password));
  if (!done) {
    ops::log(ops::Level::info, "auth", "login refused",
             {{"reason", name_of(done.error().code)},
              {"login", ops::hashed(body->login)},
              {"address", request.peer}});
    co_return net::problem_response(done.error(), request.traceparent);
  }
  auto response = net::json_response(200, answer_of(*done));
  response.headers.add("Cache-Control", "no-store");
  co_return response;
}

}  // namespace perkline::hub::api
