#include "hub/api/audit_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/identity/audit_chain.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using identity::ChainedEntry;

constexpr std::string_view list_name = "audit";

void write_entry(json::Writer& out, const ChainedEntry& chained) {
  const identity::AuditEntry& entry = chained.entry;
  out.begin_object().field("sequence", chained.sequence).field("id", chained.id);
  out.field("at", format_time(entry.at)).field("actor", entry.actor).field("action", entry.action);
  out.field("subject", entry.subject).key("detail");
  // What somebody put there by other means is shown as it is.
  json::parse(entry.detail) ? out.raw(entry.detail) : out.value(entry.detail);
  out.field("hash", chained.hash).end_object();
}

Task<net::Response> list(db::Database& database, net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  // What was done a moment ago is shown too, in its place for ever.
  const auto chained = co_await identity::chain_waiting_audit(database);
  if (!chained) co_return net::problem_response(chained.error(), request.traceparent);
  const auto entries =
      co_await db::read_for<std::vector<ChainedEntry>>(database, [&page](db::Transaction& transaction) {
        return identity::list_audit(transaction, page->below(), page->wanted());
      });
  if (!entries) co_return net::problem_response(entries.error(), request.traceparent);
  co_return net::json_response(
      200, page_json(list_name, *entries, page->wanted(), &write_entry,
                     [](const ChainedEntry& entry) { return std::to_string(entry.sequence); }));
}

}  // namespace

void add_audit_routes(net::Router& router, db::Database& database) {
  add_route(router, net::Method::get, "/api/v1/audit",
            [&database](net::Request request) { return list(database, std::move(request)); });
}

}  // namespace perkline::hub::api
