#pragma once

#include <string_view>

#include "hub/identity/tokens.hpp"
#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::hub::api {

inline constexpr std::string_view health_pattern = "/health";
/// `health` must outlive the router.
void add_health_route(net::Router& router, const ops::Health& health);

/// `/health`, `/.well-known/jwks.json` and `/api/v1/openapi.json`. The references must outlive the router.
void add_service_routes(net::Router& router, const ops::Health& health, const identity::Tokens& tokens);

}  // namespace perkline::hub::api
