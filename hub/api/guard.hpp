#pragma once

#include "hub/api/attempts.hpp"
#include "hub/db/database.hpp"
#include "hub/identity/tokens.hpp"
#include "shared/core/rate_limiter.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// All must outlive the guard.
struct GuardParts {
  db::Database& database;
  identity::Tokens& tokens;
  Attempts& attempts;
  RateLimiter& per_member;
  const Clock& clock;
};

/// Bearer token (of a route that upgrades: socket_token) → user's row → how often a member calls → table of
/// access.hpp. Of who calls a route that needs no token it asks at most how often that address tries.
/// Principal: the user's id and role. Errors: unauthenticated, token_expired, rate_limited, forbidden,
/// account_inactive, the database's.
net::Guard make_guard(const GuardParts& parts);

/// The token of an Authorization header of the scheme Bearer (RFC 6750 §2.1); nullopt for anything else.
std::optional<std::string_view> bearer_token(const net::Headers& headers);

/// The token that a WebSocket's opening has among its subprotocols, as `bearer.<token>`; nullopt: none.
std::optional<std::string_view> socket_token(const net::RequestHead& head);

/// The session that a request's bearer token belongs to; nullopt: none, or it is no token of ours.
std::optional<Uuid> session_of(const net::RequestHead& request, identity::Tokens& tokens);

}  // namespace perkline::hub::api
