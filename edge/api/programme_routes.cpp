#include "edge/api/programme_routes.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "edge/api/programme_requests.hpp"
#include "edge/api/respond.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::api {
namespace {

using net::Method;
using net::Request;
using net::Response;
using programme::Claims;
using programme::Spins;

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Task<Response> spin(Spins& spins, Request request) {
  auto call = parse_spin(request.body);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await spins.spin(std::move(*call), request.traceparent), request.traceparent);
}

Task<Response> prizes(const Spins& spins, Request request) {
  co_return respond(spins.prizes(), request.traceparent);
}

Task<Response> promotions(Claims& claims, Request request) {
  const auto customer = request.query_value("customerId");
  if (!customer) co_return missing_parameter("customerId", request.traceparent);
  if (!is_id(*customer)) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such customer"},
                                    request.traceparent);
  }
  co_return respond(co_await claims.promotions(CustomerId(std::string(*customer))), request.traceparent);
}

Task<Response> claim(Claims& claims, Request request) {
  auto call = parse_claim(request.body);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  co_return respond(co_await claims.claim(std::move(*call), request.traceparent), request.traceparent);
}

}  // namespace

void add_programme_routes(net::Router& router, Spins& spins, Claims& claims) {
  router.add({Method::post, "/v1/spin", "terminal",
              [&spins](Request request) { return spin(spins, std::move(request)); }});
  router.add({Method::get, "/v1/prizes", "terminal",
              [&spins](Request request) { return prizes(spins, std::move(request)); }});
  router.add({Method::get, "/v1/promotions", "terminal",
              [&claims](Request request) { return promotions(claims, std::move(request)); }});
  router.add({Method::post, "/v1/promotions/claim", "terminal",
              [&claims](Request request) { return claim(claims, std::move(request)); }});
}

}  // namespace perkline::edge::api
