#include "hub/api/service_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/openapi.hpp"
#include "shared/ops/health.hpp"

namespace perkline::hub::api {
namespace {

/// A key is published for longer than that before it signs.
constexpr const char* keys_cache_control = "public, max-age=300";
static_assert(identity::key_lead >= minutes{5} + identity::key_refresh);

Task<net::Response> answer(net::Response response) {
  co_return response;
}

/// A document that stays the same as long as the process runs.
net::Handler fixed(std::string body, std::string cache_control) {
  auto response = net::json_response(200, std::move(body));
  response.headers.add("Cache-Control", std::move(cache_control));
  return [response = std::move(response)](const net::Request&) { return answer(response); };
}

}  // namespace

void add_health_route(net::Router& router, const ops::Health& health) {
  add_route(router, net::Method::get, health_pattern, [&health](const net::Request&) {
    auto report = health.alive();
    return answer(net::json_response(report.http_status, std::move(report.body)));
  });
}

void add_service_routes(net::Router& router, const ops::Health& health, const identity::Tokens& tokens) {
  add_health_route(router, health);
  add_route(router, net::Method::get, "/.well-known/jwks.json", [&tokens](const net::Request&) {
    auto response = net::json_response(200, tokens.jwks());
    response.headers.add("Cache-Control", keys_cache_control);
    return answer(std::move(response));
  });
  auto document = yaml_to_json(openapi_yaml());
  PERKLINE_ASSERT(document.has_value());
  add_route(router, net::Method::get, "/api/v1/openapi.json", fixed(std::move(*document), "no-cache"));
}

}  // namespace perkline::hub::api
