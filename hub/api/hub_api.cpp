#include "hub/api/hub_api.hpp"

#include "hub/api/dead_letters_routes.hpp"
#include "hub/api/guard.hpp"
#include "hub/api/points_routes.hpp"
#include "hub/api/service_routes.hpp"
#include "hub/api/stores_routes.hpp"

namespace perkline::hub::api {

HubApi::HubApi(const Parts& parts, const Options& options)
    : parts_(parts),
      uuids_(parts.clock, parts.rng),
      auth_(parts.database, parts.hasher, parts.tokens, parts.clock, options.limits) {
  add_service_routes(router_, parts_.health, parts_.tokens.jwks());
  auth_.add_to(router_);
  add_stores_routes(router_, parts_.database, parts_.clock, options.currency);
  add_points_routes(router_, parts_.database);
  add_dead_letters_routes(router_, parts_.database, parts_.clock, uuids_);
}

net::Guard HubApi::guard() const {
  return make_guard(parts_.database, parts_.tokens);
}

}  // namespace perkline::hub::api
