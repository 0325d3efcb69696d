#pragma once

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// GET, PUT /notifications/templates/{name}: what members are told, in staff's own words. All must outlive
/// the router.
void add_templates_routes(net::Router& router, db::Database& database, const Clock& clock, UuidMaker& ids);

}  // namespace perkline::hub::api
