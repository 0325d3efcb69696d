#pragma once

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET /dead-letters, POST /dead-letters/{id}/retry and /discard. All must outlive the router.
void add_dead_letters_routes(net::Router& router, db::Database& database, const Clock& clock,
                             UuidMaker& uuids);

}  // namespace perkline::hub::api
