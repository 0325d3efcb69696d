#pragma once

#include "hub/db/database.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET /dead-letters, POST /dead-letters/{id}/retry and /discard. The database, clock and ids
/// must outlive the router.
void add_dead_letters_routes(net::Router& router, db::Database& database, const Clock& clock,
                             UuidMaker& uuids, wheel::Terms terms);

}  // namespace perkline::hub::api
