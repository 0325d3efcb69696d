#pragma once

#include "shared/net/router.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::hub::api {

/// The hub's routes while it waits for its database: `/health` as always, any other 503 DATABASE_UNAVAILABLE
/// with Retry-After, whoever asks. `health` must outlive the router.
void add_closed_routes(net::Router& router, const ops::Health& health);
net::Guard closed_guard();

}  // namespace perkline::hub::api
