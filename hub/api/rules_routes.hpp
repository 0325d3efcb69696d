#pragma once

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/net/router.hpp"

namespace perkline::hub::api {

/// `/api/v1/rules` and `/api/v1/rules/dry-run`: what stores grant while PDI does not answer. `currency`: the
/// programme's. The references must outlive the router.
void add_rules_routes(net::Router& router, db::Database& database, const Clock& clock, UuidMaker& ids,
                      Currency currency);

}  // namespace perkline::hub::api
