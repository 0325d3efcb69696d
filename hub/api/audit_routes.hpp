#pragma once

#include "hub/db/database.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `GET /api/v1/audit`: who did what, with the hashes that chain it. `database` must outlive the router.
void add_audit_routes(net::Router& router, db::Database& database);

}  // namespace perkline::hub::api
