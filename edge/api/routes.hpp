#pragma once

#include "edge/session/flows.hpp"
#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::edge::api {

/// The calls of the tills, and /health. All references must outlive the router.
void add_routes(net::Router& router, session::Flows& flows, const ops::Health& health, Currency currency);

}  // namespace perkline::edge::api
