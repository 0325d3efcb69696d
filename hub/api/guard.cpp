#include "hub/api/guard.hpp"

#include <algorithm>

#include "hub/api/access.hpp"
#include "hub/identity/ascii.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::api {
namespace {

Task<Result<net::Principal>> authorize(db::Database& database, identity::Tokens& tokens,
                                       RateLimiter& per_member, const Clock& clock,
                                       const net::RequestHead& head, Access access) {
  if (!asks_for_token(access)) co_return net::Principal{};
  const auto token = bearer_token(head.headers);
  if (!token) co_return fail(Errc::unauthenticated, "a bearer token is required");
  auto claims = tokens.verify(*token);
  if (!claims) co_return failure(claims);
  auto user = co_await identity::user_of_claims(database, std::move(*claims));
  if (!user) co_return failure(user);
  if (user->role == identity::Role::member) {
    const auto verdict = per_member.admit(user->id.str(), clock.mono_now());
    if (!verdict.admitted) co_return fail(rate_limited(verdict.quota, "this member calls too often"));
  }
  if (!may(access, user->role)) co_return fail(Errc::forbidden, "not allowed for this role");
  co_return net::Principal{.id = user->id.str(), .role = std::string(name_of(user->role))};
}

}  // namespace

net::Guard make_guard(db::Database& database, identity::Tokens& tokens, RateLimiter& per_member,
                      const Clock& clock) {
  return [&database, &tokens, &per_member, &clock](const net::RequestHead& head, const net::Route& route) {
    const auto access = access_named(route.access);
    PERKLINE_ASSERT(access.has_value());
    return authorize(database, tokens, per_member, clock, head, *access);
  };
}

std::optional<std::string_view> bearer_token(const net::Headers& headers) {
  constexpr std::string_view scheme = "bearer ";
  const auto field = headers.find("Authorization");
  if (!field || identity::ascii_lower(field->substr(0, scheme.size())) != scheme) return std::nullopt;
  const std::string_view token = field->substr(scheme.size());
  if (token.empty() || std::ranges::any_of(token, [](char c) { return c <= ' ' || c > '~'; }))
    return std::nullopt;
  return token;
}

std::optional<Uuid> session_of(const net::RequestHead& request, identity::Tokens& tokens) {
  const auto token = bearer_token(request.headers);
  if (!token) return std::nullopt;
  const auto claims = tokens.verify(*token);
  return claims ? claims->session : std::nullopt;
}

}  // namespace perkline::hub::api
