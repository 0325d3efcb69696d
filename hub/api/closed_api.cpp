#include "hub/api/closed_api.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/service_routes.hpp"

namespace perkline::hub::api {
namespace {

Task<Result<net::Principal>> admit(bool is_open) {
  if (is_open) co_return net::Principal{};
  co_return fail(Error{.code = Errc::database_unavailable,
                       .detail = "the database is not ready yet",
                       .retry_after = seconds{1}});
}

/// The guard lets nobody through to it.
Task<net::Response> never() {
  PERKLINE_ASSERT(false);
  co_return net::Response{};
}

}  // namespace

void add_closed_routes(net::Router& router, const ops::Health& health) {
  add_health_route(router, health);
  for (const AccessRule& rule : access_rules) {
    if (rule.pattern == health_pattern) continue;
    add_route(router, rule.method, rule.pattern, [](const net::Request&) { return never(); });
  }
}

net::Guard closed_guard() {
  return
      [](const net::RequestHead&, const net::Route& route) { return admit(route.pattern == health_pattern); };
}

}  // namespace perkline::hub::api
