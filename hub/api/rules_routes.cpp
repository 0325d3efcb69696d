#include "hub/api/rules_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/rules/dry_run.hpp"
#include "hub/rules/rules.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

net::Response answer_of(const rules::InForce& rules) {
  json::Writer out;
  out.begin_object().field("version", rules.version);
  out.key("setAt");
  rules.setting ? out.value(format_time(rules.setting->at)) : out.null();
  out.key("setBy");
  rules.setting ? out.value(rules.setting->by) : out.null();
  out.key("rules").raw(rules.text).end_object();
  return net::json_response(200, out.take());
}

Task<net::Response> show_rules(db::Database& database, net::Request request) {
  const auto rules = co_await db::read_for<rules::InForce>(
      database, [](db::Transaction& transaction) { return rules::in_force(transaction); });
  if (!rules) co_return net::problem_response(rules.error(), request.traceparent);
  co_return answer_of(*rules);
}

Task<net::Response> put_rules(db::Database& database, const Clock& clock, UuidMaker& ids,
                              net::Request request) {
  const auto read = rules::read_rules(request.body);
  if (!read) co_return net::problem_response(read.error(), request.traceparent);
  const rules::Order order{
      .at = clock.wall_now(), .by = "user:" + request.principal.id, .audit_id = ids.next()};
  const auto rules =
      co_await db::write_for<rules::InForce>(database, [&read, &order](db::Transaction& transaction) {
        return rules::put_in_force(transaction, *read, order);
      });
  if (!rules) co_return net::problem_response(rules.error(), request.traceparent);
  co_return answer_of(*rules);
}

Task<net::Response> dry_run(db::Database& database, const Clock& clock, Currency currency,
                            net::Request request) {
  auto run = rules::read_dry_run(request.body, currency, std::chrono::floor<days>(clock.wall_now()));
  if (!run) co_return net::problem_response(run.error(), request.traceparent);
  if (!run->draft) {
    auto now = co_await db::read_for<rules::ChainRules>(
        database, [](db::Transaction& transaction) { return rules::read_in_force(transaction); });
    if (!now) co_return net::problem_response(now.error(), request.traceparent);
    run->draft = std::move(*now);
  }
  auto points = rules::run_dry(*run->draft, run->baskets);
  if (!points) co_return net::problem_response(points.error(), request.traceparent);
  co_return net::json_response(200, std::move(*points));
}

}  // namespace

void add_rules_routes(net::Router& router, db::Database& database, const Clock& clock, UuidMaker& ids,
                      Currency currency) {
  add_route(router, net::Method::get, "/api/v1/rules",
            [&database](net::Request request) { return show_rules(database, std::move(request)); });
  add_route(router, net::Method::put, "/api/v1/rules", [&database, &clock, &ids](net::Request request) {
    return put_rules(database, clock, ids, std::move(request));
  });
  add_route(router, net::Method::post, "/api/v1/rules/dry-run",
            [&database, &clock, currency](net::Request request) {
              return dry_run(database, clock, currency, std::move(request));
            });
}

}  // namespace perkline::hub::api
