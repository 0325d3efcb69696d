#pragma once

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/stores` and below, and `/api/v1/stats/overview`. `currency`: the programme's. The references must
/// outlive the router.
void add_stores_routes(net::Router& router, db::Database& database, net::AsyncClock& clock, UuidMaker& uuids,
                       Currency currency);

}  // namespace perkline::hub::api
