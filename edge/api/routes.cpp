#include "edge/api/routes.hpp"

#include <string>
#include <utility>

#include "edge/api/requests.hpp"
#include "edge/api/respond.hpp"
#include "shared/ops/health.hpp"

namespace perkline::edge::api {
namespace {

using net::Method;
using net::Request;
using net::Response;
using session::Flows;

Task<Response> identify(Flows& flows, Request request) {
  auto call = parse_identify(request.body);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await flows.identify(std::move(*call), request.traceparent), request.traceparent);
}

Task<Response> calculate_rewards(Flows& flows, Currency currency, Request request) {
  auto call = parse_calculate(request.body, currency);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await flows.calculate_rewards(std::move(*call), request.traceparent),
                    request.traceparent);
}

Task<Response> finalize(Flows& flows, Currency currency, Request request) {
  auto call = parse_finalize(request.body, currency);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await flows.finalize(std::move(*call), request.traceparent), request.traceparent);
}

Task<Response> void_session(Flows& flows, Request request) {
  auto call = parse_void(request.body);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await flows.void_session(std::move(*call), request.traceparent), request.traceparent);
}

Task<Response> return_goods(Flows& flows, Currency currency, Request request) {
  auto call = parse_return(request.body, currency);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await flows.return_goods(std::move(*call), request.traceparent), request.traceparent);
}

Task<Response> session_status(Flows& flows, Request request) {
  const auto id = request.query_value("sessionId");
  if (!id) co_return missing_parameter("sessionId", request.traceparent);
  if (!is_session_id(*id)) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such session"},
                                    request.traceparent);
  }
  co_return respond(co_await flows.status(SessionId(*id)), request.traceparent);
}

Task<Response> health_report(const ops::Health& health) {
  auto report = health.alive();
  co_return net::json_response(report.http_status, std::move(report.body));
}

}  // namespace

void add_routes(net::Router& router, Flows& flows, const ops::Health& health, Currency currency) {
  router.add({Method::post, "/v1/identify", "terminal",
              [&flows](Request request) { return identify(flows, std::move(request)); }});
  router.add({Method::post, "/v1/calculateRewards", "terminal", [&flows, currency](Request request) {
                return calculate_rewards(flows, currency, std::move(request));
              }});
  router.add({Method::post, "/v1/finalize", "terminal",
              [&flows, currency](Request request) { return finalize(flows, currency, std::move(request)); }});
  router.add({Method::post, "/v1/void", "terminal",
              [&flows](Request request) { return void_session(flows, std::move(request)); }});
  router.add({Method::post, "/v1/return", "terminal", [&flows, currency](Request request) {
                return return_goods(flows, currency, std::move(request));
              }});
  router.add({Method::get, "/v1/getSessionStatus", "terminal",
              [&flows](Request request) { return session_status(flows, std::move(request)); }});
  router.add({Method::get, "/health", "anyone", [&health](Request) { return health_report(health); }});
}

}  // namespace perkline::edge::api
