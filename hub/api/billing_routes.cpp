#include "hub/api/billing_routes.hpp"

#include <algorithm>
#include <array>

#include "hub/api/accept.hpp"
#include "hub/api/add_route.hpp"
#include "hub/api/billing_input.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"

namespace perkline::hub::api {
namespace {

using billing::Payment;
using billing::Record;
using billing::Statement;

constexpr std::string_view payments_path = "/api/v1/payments";
constexpr std::string_view payments_list = "payments";
constexpr std::string_view records_list = "billing-records";
constexpr std::string_view statements_list = "billing-statements";

constexpr std::string_view json_type = "application/json";
constexpr std::string_view csv_type = "text/csv";
constexpr std::string_view html_type = "text/html";
constexpr std::array<std::string_view, 2> record_types{json_type, csv_type};
constexpr std::array<std::string_view, 3> statement_types{json_type, csv_type, html_type};

net::Response refusal(const Error& error, const net::Request& request) {
  return net::problem_response(error, request.traceparent);
}

net::Response shown(int status, const Payment& payment) {
  json::Writer out;
  write_payment(out, payment);
  return net::json_response(status, out.take());
}

std::string key_of(const Record& record) {
  return record.id.str();
}
std::string key_of(const Statement& statement) {
  return statement.store.str();
}

/// Cuts off the item that only tells that something follows; the cursor behind the others, if it does.
template <class Item>
std::optional<std::string> next_of(std::vector<Item>& items, std::int64_t wanted, std::string_view list) {
  const auto limit = static_cast<std::size_t>(wanted) - 1;
  if (items.size() <= limit) return std::nullopt;
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(limit), items.end());
  return cursor_after(list, key_of(items.back()));
}

/// Who reads a table or prints it follows no cursor: all of it, unless a limit is asked for.
constexpr std::int64_t text_rows_max = 2'000;
std::int64_t rows_of(const net::Request& request, std::int64_t wanted, std::string_view type) {
  return type == json_type || request.query_value("limit") ? wanted : text_rows_max + 1;
}

/// What has no place for a cursor tells where it goes on as RFC 8288 does.
net::Response as_text(const net::Request& request, std::string_view type, std::string body,
                      const std::optional<std::string>& next) {
  net::Response response{
      .status = 200, .content_type = std::string(type) + "; charset=utf-8", .body = std::move(body)};
  if (!next) return response;
  std::string query;
  std::string_view rest = request.query;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (!part.starts_with("cursor=")) query += std::string(part) + '&';
  }
  response.headers.add("Link", '<' + request.path + '?' + query + "cursor=" + *next + ">; rel=\"next\"");
  return response;
}

}  // namespace

void BillingRoutes::add_to(net::Router& router) {
  using Handle = Task<net::Response> (BillingRoutes::*)(net::Request);
  const auto add = [this, &router](net::Method method, std::string_view pattern, Handle handle) {
    add_route(router, method, pattern,
              [this, handle](net::Request request) { return (this->*handle)(std::move(request)); });
  };
  add(net::Method::post, payments_path, &BillingRoutes::pay);
  add(net::Method::get, payments_path, &BillingRoutes::list);
  add(net::Method::get, "/api/v1/payments/{id}", &BillingRoutes::show);
  add(net::Method::get, "/api/v1/billing/records", &BillingRoutes::list_records);
  add(net::Method::get, "/api/v1/billing/statements", &BillingRoutes::list_statements);
}

Task<net::Response> BillingRoutes::pay(net::Request request) {
  auto call = read_keyed(request, payments_path, [&](json::Fields& fields, const json::Value& root) {
    return read_order(fields, root, UserId(request.principal.id));
  });
  if (!call) co_return refusal(call.error(), request);
  // Refused within: what was answered under this key before comes first.
  auto effect = [cause = billing::make_cause(parts_.ids, parts_.clock.wall_now(), request.traceparent),
                 may = call->second.pay_to
                           ? parts_.attempts.may_name_payee(request.principal.id, request.peer)
                           : Result<void>{},
                 order = std::move(call->second),
                 top_ups = parts_.top_ups](db::Transaction& transaction) -> Result<net::Response> {
    if (!may) return std::unexpected(may.error());
    if (!top_ups && !order.pay_to) return fail(Errc::payments_off, "no money is taken in from outside here");
    const auto payment = billing::initiate(transaction, cause, order);
    if (!payment) return std::unexpected(payment.error());
    return shown(201, *payment);
  };
  auto answer = co_await parts_.calls.answer(std::move(call->first), request.traceparent, std::move(effect));
  if (answer.status == 404) parts_.attempts.note_unknown_payee(request.principal.id, request.peer);
  if (answer.status == 201 && parts_.payment_started) parts_.payment_started();
  co_return answer;
}

Task<net::Response> BillingRoutes::show(net::Request request) {
  const auto id = uuid_in_path(request, 0, "payment");
  if (!id) co_return refusal(id.error(), request);
  const UserId user(request.principal.id);
  const auto payment = co_await db::read_for<Payment>(
      parts_.database,
      [&id, &user](db::Transaction& transaction) { return billing::find(transaction, *id, user); });
  if (!payment) co_return refusal(payment.error(), request);
  co_return shown(200, *payment);
}

Task<net::Response> BillingRoutes::list(net::Request request) {
  const auto page = read_page(request, payments_list);
  if (!page) co_return refusal(page.error(), request);
  const UserId user(request.principal.id);
  const auto found = co_await db::read_for<std::vector<Payment>>(
      parts_.database, [&user, &page](db::Transaction& transaction) {
        return billing::list(transaction, user, page->after, page->wanted());
      });
  if (!found) co_return refusal(found.error(), request);
  co_return net::json_response(200, page_json(payments_list, *found, page->wanted(), &billing::write_payment,
                                              [](const Payment& each) { return each.id.str(); }));
}

Task<net::Response> BillingRoutes::list_records(net::Request request) {
  auto filter = record_filter_in(request, records_list);
  if (!filter) co_return refusal(filter.error(), request);
  const std::string_view type = preferred_type(request.headers, record_types);
  filter->limit = rows_of(request, filter->limit, type);
  auto found = co_await db::read_for<std::vector<Record>>(
      parts_.database,
      [&filter](db::Transaction& transaction) { return billing::list_records(transaction, *filter); });
  if (!found) co_return refusal(found.error(), request);
  if (type == csv_type) {
    const auto next = next_of(*found, filter->limit, records_list);
    co_return as_text(request, type, billing::csv_of(*found), next);
  }
  co_return net::json_response(200, page_json(records_list, *found, filter->limit, &billing::write_record,
                                              [](const Record& each) { return key_of(each); }));
}

Task<net::Response> BillingRoutes::list_statements(net::Request request) {
  auto order = statement_order_in(request, statements_list, parts_.clock.wall_now());
  if (!order) co_return refusal(order.error(), request);
  const std::string_view type = preferred_type(request.headers, statement_types);
  order->limit = rows_of(request, order->limit, type);
  auto found = co_await db::read_for<std::vector<Statement>>(
      parts_.database, [this, &order](db::Transaction& transaction) {
        return billing::make_statements(transaction, parts_.rates, *order);
      });
  if (!found) co_return refusal(found.error(), request);
  if (type == json_type)
    co_return net::json_response(200,
                                 page_json(statements_list, *found, order->limit, &billing::write_statement,
                                           [](const Statement& each) { return key_of(each); }));
  const auto next = next_of(*found, order->limit, statements_list);
  if (type == csv_type) co_return as_text(request, type, billing::csv_of(*found), next);
  net::Response page = as_text(request, type, billing::html_of(*found), next);
  page.headers.add("Content-Security-Policy", billing::html_policy());
  co_return page;
}

}  // namespace perkline::hub::api
