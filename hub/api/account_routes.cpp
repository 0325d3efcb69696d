#include "hub/api/account_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/auth_input.hpp"
#include "hub/api/guard.hpp"

namespace perkline::hub::api {
namespace {

net::Response answer_of(const Result<identity::User>& user, const net::Request& request) {
  if (!user) return net::problem_response(user.error(), request.traceparent);
  json::Writer out;
  write_user(out, *user);
  return net::json_response(200, out.take());
}

}  // namespace

void AccountRoutes::add_to(net::Router& router) {
  const auto add = [&](net::Method method, std::string_view path,
                       Task<net::Response> (AccountRoutes::*handler)(net::Request)) {
    add_route(router, method, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add(net::Method::get, "/api/v1/auth/me", &AccountRoutes::show);
  add(net::Method::patch, "/api/v1/auth/me", &AccountRoutes::change);
  add(net::Method::post, "/api/v1/auth/password", &AccountRoutes::change_password);
  add(net::Method::post, "/api/v1/auth/me/loyalty", &AccountRoutes::link_card);
}

Task<net::Response> AccountRoutes::show(net::Request request) {
  const UserId id(request.principal.id);
  auto user = co_await db::read_for<identity::User>(
      parts_.database, [&id](db::Transaction& transaction) -> Result<identity::User> {
        auto found = identity::find_user(transaction, id);
        if (!found) return failure(found);
        if (!*found) return fail(Errc::unauthenticated, "the account is gone");
        return std::move(**found);
      });
  co_return answer_of(user, request);
}

Task<net::Response> AccountRoutes::change(net::Request request) {
  auto change = read_profile_change(request.body);
  if (!change) co_return net::problem_response(change.error(), request.traceparent);
  const auto user = co_await parts_.account.change_profile(UserId(request.principal.id), std::move(*change));
  co_return answer_of(user, request);
}

Task<net::Response> AccountRoutes::change_password(net::Request request) {
  auto body = read_password_change(request.body);
  if (!body) co_return net::problem_response(body.error(), request.traceparent);
  // Who has but a token is not to try passwords with it.
  if (auto may = parts_.attempts.admit_target("password:" + request.principal.id); !may)
    co_return net::problem_response(may.error(), request.traceparent);
  // The session that asks goes on; without one, none does.
  const auto session = session_of(request, parts_.tokens);
  const auto user = co_await parts_.account.change_password(UserId(request.principal.id), session,
                                                            std::move(body->current), std::move(body->fresh));
  co_return answer_of(user, request);
}

Task<net::Response> AccountRoutes::link_card(net::Request request) {
  auto card = read_card(request.body);
  if (!card) co_return net::problem_response(card.error(), request.traceparent);
  // Or receipts' numbers could be tried one after another.
  for (const std::string& target : {"card:" + card->id.str(), "cards-of:" + request.principal.id}) {
    if (auto may = parts_.attempts.admit_target(target); !may)
      co_return net::problem_response(may.error(), request.traceparent);
  }
  const auto user = co_await parts_.account.link_card(UserId(request.principal.id), std::move(*card));
  co_return answer_of(user, request);
}

}  // namespace perkline::hub::api
