#pragma once

#include "hub/db/database.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/points/balance`. `database` must outlive the router.
void add_points_routes(net::Router& router, db::Database& database);

}  // namespace perkline::hub::api
