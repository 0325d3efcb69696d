#pragma once

#include "hub/db/database.hpp"
#include "hub/points/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET /dead-letters, POST /dead-letters/{id}/retry and /discard. The database, clock and ids
/// must outlive the router.
void add_dead_letters_routes(net::Router& router, db::Database& database, const Clock& clock,
                             UuidMaker& uuids, points::Terms terms);

}  // namespace perkline::hub::api
