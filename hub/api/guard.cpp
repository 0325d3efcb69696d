#include "hub/api/guard.hpp"

#include <algorithm>

#include "hub/api/access.hpp"
#include "hub/identity/ascii.hpp"
#include "shared/core/assert.hpp"
#include "shared/net/web_socket.hpp"

namespace perkline::hub::api {
namespace {

Task<Result<net::Principal>> authorize(GuardParts parts, const net::RequestHead& head,
                                       const net::Route& route) {
  const auto access = access_named(route.access);
  PERKLINE_ASSERT(access.has_value());
  if (is_entrance(route.method, *access)) {
    if (auto may_try = parts.attempts.admit_address(head.peer); !may_try) co_return failure(may_try);
  }
  if (is_open_read(route.method, *access, route.pattern)) {
    // No member's id looks like that.
    const auto verdict = parts.per_member.admit("address " + network_of(head.peer), parts.clock.mono_now());
    if (!verdict.admitted) co_return fail(rate_limited(verdict.quota, "this address calls too often"));
  }
  if (!asks_for_token(*access)) co_return net::Principal{};
  const auto token = route.upgrades ? socket_token(head) : bearer_token(head.headers);
  if (!token) co_return fail(Errc::unauthenticated, "a bearer token is required");
  auto claims = parts.tokens.verify(*token);
  if (!claims) co_return failure(claims);
  auto user = co_await identity::user_of_claims(parts.database, std::move(*claims));
  if (!user) co_return failure(user);
  if (user->role == identity::Role::member) {
    const auto verdict = parts.per_member.admit(user->id.str(), parts.clock.mono_now());
    if (!verdict.admitted) co_return fail(rate_limited(verdict.quota, "this member calls too often"));
  }
  if (!may(*access, user->role)) co_return fail(Errc::forbidden, "not allowed for this role");
  co_return net::Principal{.id = user->id.str(), .role = std::string(name_of(user->role))};
}

std::optional<std::string_view> printable_token(std::string_view token) {
  if (token.empty() || std::ranges::any_of(token, [](char c) { return c <= ' ' || c > '~'; }))
    return std::nullopt;
  return token;
}

}  // namespace

net::Guard make_guard(const GuardParts& parts) {
  return [parts](const net::RequestHead& head, const net::Route& route) {
    return authorize(parts, head, route);
  };
}

std::optional<std::string_view> bearer_token(const net::Headers& headers) {
  constexpr std::string_view scheme = "bearer ";
  const auto field = headers.find("Authorization");
  if (!field || identity::ascii_lower(field->substr(0, scheme.size())) != scheme) return std::nullopt;
  return printable_token(field->substr(scheme.size()));
}

std::optional<std::string_view> socket_token(const net::RequestHead& head) {
  constexpr std::string_view prefix = "bearer.";
  for (const std::string_view offered : net::offered_subprotocols(head)) {
    if (offered.starts_with(prefix)) return printable_token(offered.substr(prefix.size()));
  }
  return std::nullopt;
}

std::optional<Uuid> session_of(const net::RequestHead& request, identity::Tokens& tokens) {
  const auto token = bearer_token(request.headers);
  if (!token) return std::nullopt;
  const auto claims = tokens.verify(*token);
  return claims ? claims->session : std::nullopt;
}

}  // namespace perkline::hub::api
