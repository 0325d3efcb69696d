#include "hub/api/auth_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/auth_input.hpp"
#include "hub/api/guard.hpp"
#include "hub/api/refresh_cookie.hpp"
#include "hub/identity/ascii.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::api {
namespace {

using identity::SignedIn;

net::Response refusal(const Error& error, const net::Request& request) {
  return net::problem_response(error, request.traceparent);
}

enum class ShowUser : std::uint8_t { no, yes };

net::Response signed_in_response(int status, const SignedIn& done, ShowUser show_user, bool secure) {
  json::Writer out;
  out.begin_object();
  out.field("accessToken", done.access_token).field("expiresIn", done.expires_in.count());
  if (show_user == ShowUser::yes) {
    out.key("user");
    write_user(out, done.user);
  }
  out.end_object();
  auto response = net::json_response(status, out.take());
  response.headers.add("Cache-Control", "no-store");
  set_refresh_cookie(response, done.refresh_token, done.refresh_expires_in, secure);
  return response;
}

void log_refused(std::string_view what, const Error& error, const std::string& login,
                 const net::Request& request) {
  ops::log(ops::Level::info, "auth", what,
           {{"reason", name_of(error.code)}, {"login", ops::hashed(login)}, {"address", request.peer}});
}

}  // namespace

void AuthRoutes::add_to(net::Router& router) {
  const auto add = [&](std::string_view path, Task<net::Response> (AuthRoutes::*handler)(net::Request)) {
    add_route(router, net::Method::post, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add("/api/v1/auth/register", &AuthRoutes::register_member);
  add("/api/v1/auth/register-staff", &AuthRoutes::register_staff);
  add("/api/v1/auth/login", &AuthRoutes::log_in);
  add("/api/v1/auth/refresh", &AuthRoutes::refresh);
  add("/api/v1/auth/logout", &AuthRoutes::log_out);
}

Task<net::Response> AuthRoutes::register_member(net::Request request) {
  auto member = read_new_member(request.body);
  if (!member) co_return refusal(member.error(), request);
  if (member->receipt) {
    // Or receipts' numbers could be tried one after another.
    auto may = parts_.attempts.admit_target("card:" + member->loyalty_id->str());
    if (!may) co_return refusal(may.error(), request);
  }
  const std::string login = member->email ? *member->email : member->mobile.value_or("");
  auto done = co_await parts_.registration.register_member(std::move(*member), request.traceparent);
  if (!done) {
    log_refused("registration refused", done.error(), login, request);
    co_return refusal(done.error(), request);
  }
  co_return signed_in_response(201, *done, ShowUser::yes, secure_cookies_);
}

Task<net::Response> AuthRoutes::register_staff(net::Request request) {
  auto staff = read_new_staff(request.body);
  if (!staff) co_return refusal(staff.error(), request);
  auto user = co_await parts_.registration.register_staff(std::move(*staff), "user:" + request.principal.id);
  if (!user) co_return refusal(user.error(), request);
  json::Writer out;
  out.begin_object().key("user");
  write_user(out, *user);
  out.end_object();
  co_return net::json_response(201, out.take());
}

Task<net::Response> AuthRoutes::log_in(net::Request request) {
  auto body = read_login(request.body);
  if (!body) co_return refusal(body.error(), request);
  // Spelled as it is compared, or each way to write an address would have attempts of its own.
  auto may = parts_.attempts.admit_target("login:" + identity::ascii_lower(body->login));
  if (!may) co_return refusal(may.error(), request);

  auto done = co_await parts_.sessions.log_in(body->login, std::move(body->password));
  if (!done) {
    log_refused("login refused", done.error(), body->login, request);
    co_return refusal(done.error(), request);
  }
  co_return signed_in_response(200, *done, ShowUser::yes, secure_cookies_);
}

Task<net::Response> AuthRoutes::refresh(net::Request request) {
  const auto cookie = refresh_cookie_in(request);
  if (!cookie)
    co_return refusal({.code = Errc::unauthenticated, .detail = "a refresh cookie is required"}, request);
  auto done = co_await parts_.sessions.refresh(*cookie);
  if (done) co_return signed_in_response(200, *done, ShowUser::no, secure_cookies_);
  auto response = refusal(done.error(), request);
  // What failed for now may be shown again; what is over never helps.
  if (response.status == 401) clear_refresh_cookie(response, secure_cookies_);
  if (done.error().code == Errc::refresh_reused)
    ops::log(ops::Level::warn, "auth", "a used refresh token came again", {{"address", request.peer}});
  co_return response;
}

Task<net::Response> AuthRoutes::log_out(net::Request request) {
  auto done = co_await parts_.sessions.log_out(
      UserId(request.principal.id), session_of(request, parts_.tokens), refresh_cookie_in(request));
  if (!done) co_return refusal(done.error(), request);
  net::Response response{.status = 204};
  clear_refresh_cookie(response, secure_cookies_);
  co_return response;
}

}  // namespace perkline::hub::api
