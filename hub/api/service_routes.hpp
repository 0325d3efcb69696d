#pragma once

#include "hub/identity/tokens.hpp"
#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::hub::api {

/// `/health`, `/.well-known/jwks.json` and `/api/v1/openapi.json`. The references must outlive the router.
void add_service_routes(net::Router& router, const ops::Health& health, const identity::Tokens& tokens);

}  // namespace perkline::hub::api
