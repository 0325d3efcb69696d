#pragma once

#include "edge/programme/claims.hpp"
#include "edge/programme/spins.hpp"
#include "shared/net/router.hpp"

namespace perkline::edge::api {

/// The tills' calls at the wheel and for promotions. All references must outlive the router.
void add_programme_routes(net::Router& router, programme::Spins& spins, programme::Claims& claims);

}  // namespace perkline::edge::api
