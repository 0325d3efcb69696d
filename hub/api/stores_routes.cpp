#include "hub/api/stores_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/store_json.hpp"
#include "shared/core/store_id.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using stores::Store;
using stores::Turnover;

constexpr std::string_view list_name = "stores";

std::string answer_of(const std::vector<Store>& stores, std::size_t limit, WallTime now) {
  json::Writer out;
  out.begin_object().key("items").begin_array();
  const std::size_t shown = std::min(stores.size(), limit);
  for (std::size_t i = 0; i < shown; ++i) write_store(out, stores[i], now);
  out.end_array().key("nextCursor");
  stores.size() > limit ? out.value(cursor_after(list_name, stores[limit - 1].id.str())) : out.null();
  out.end_object();
  return out.take();
}

Task<net::Response> list_stores(db::Database& database, const Clock& clock, net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  // One more than shown tells whether anything follows.
  const auto wanted = static_cast<std::int64_t>(page->limit) + 1;
  auto stores =
      co_await db::read_for<std::vector<Store>>(database, [&page, wanted](db::Transaction& transaction) {
        return stores::list(transaction, page->after, wanted);
      });
  if (!stores) co_return net::problem_response(stores.error(), request.traceparent);
  co_return net::json_response(200, answer_of(*stores, page->limit, clock.wall_now()));
}

Task<net::Response> show_store(db::Database& database, const Clock& clock, net::Request request) {
  const StoreId id(request.path_values.at(0));
  // What cannot be an id is nobody's.
  if (!is_store_id(id.str())) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such store"},
                                    request.traceparent);
  }
  auto store = co_await db::read_for<Store>(
      database, [&id](db::Transaction& transaction) { return stores::find(transaction, id); });
  if (!store) co_return net::problem_response(store.error(), request.traceparent);
  json::Writer out;
  write_store(out, *store, clock.wall_now());
  co_return net::json_response(200, out.take());
}

void write_turnover(json::Writer& out, const Turnover& store, Currency currency) {
  const auto amount = [currency](std::int64_t minor) { return format_amount({minor, currency}); };
  out.begin_object().field("id", store.store.str()).field("sales", store.sales);
  out.field("amount", amount(store.amount_minor)).field("currency", currency.code());
  out.field("earnedPoints", store.earned).field("redeemedPoints", store.redeemed);
  out.key("pending").begin_object().field("sales", store.pending.sales);
  out.field("amount", amount(store.pending.amount_minor)).field("earnedPoints", store.pending.earned);
  out.field("redeemedPoints", store.pending.redeemed).end_object();
  out.key("returns").begin_object().field("amount", amount(store.returns.amount_minor));
  out.field("clawedBackPoints", store.returns.clawed_back);
  out.field("restoredPoints", store.returns.restored).end_object();
  out.field("rejectedSales", store.rejected_sales).field("standinLossPoints", store.standin_loss);
  out.end_object();
}

Task<net::Response> show_overview(db::Database& database, Currency currency, net::Request request) {
  auto all = co_await db::read_for<std::vector<Turnover>>(
      database, [](db::Transaction& transaction) { return stores::turnover(transaction); });
  if (!all) co_return net::problem_response(all.error(), request.traceparent);
  json::Writer out;
  out.begin_object().key("stores").begin_array();
  for (const Turnover& store : *all) write_turnover(out, store, currency);
  out.end_array().end_object();
  co_return net::json_response(200, out.take());
}

}  // namespace

void add_stores_routes(net::Router& router, db::Database& database, const Clock& clock, Currency currency) {
  add_route(router, net::Method::get, "/api/v1/stores", [&database, &clock](net::Request request) {
    return list_stores(database, clock, std::move(request));
  });
  add_route(router, net::Method::get, "/api/v1/stores/{id}", [&database, &clock](net::Request request) {
    return show_store(database, clock, std::move(request));
  });
  add_route(router, net::Method::get, "/api/v1/stats/overview", [&database, currency](net::Request request) {
    return show_overview(database, currency, std::move(request));
  });
}

}  // namespace perkline::hub::api
