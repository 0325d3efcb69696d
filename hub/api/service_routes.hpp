#pragma once

#include <string>

#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::hub::api {

/// `/health`, `/.well-known/jwks.json` and `/api/v1/openapi.json`. `health` must outlive the router.
void add_service_routes(net::Router& router, const ops::Health& health, std::string jwks);

}  // namespace perkline::hub::api
