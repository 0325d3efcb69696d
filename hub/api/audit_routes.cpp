#include "hub/api/audit_routes.hpp"

#include <charconv>
#include <limits>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/identity/audit_chain.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using identity::ChainedEntry;

constexpr std::string_view list_name = "audit";

/// The page's sort key: the sequence. A key of anybody's making that is none names a place too: the end.
std::int64_t place_in(const std::string& key) {
  if (key.empty()) return std::numeric_limits<std::int64_t>::max();
  std::int64_t sequence = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), sequence);
  return error == std::errc{} && end == key.data() + key.size() ? sequence : 0;
}

void write_entry(json::Writer& out, const ChainedEntry& chained) {
  const identity::AuditEntry& entry = chained.entry;
  out.begin_object().field("sequence", chained.sequence).field("id", chained.id);
  out.field("at", format_time(entry.at)).field("actor", entry.actor).field("action", entry.action);
  out.field("subject", entry.subject).key("detail");
  // What somebody put there by other means is shown as it is.
  json::parse(entry.detail) ? out.raw(entry.detail) : out.value(entry.detail);
  out.field("hash", chained.hash).end_object();
}

std::string answer_of(const std::vector<ChainedEntry>& entries, std::size_t limit) {
  json::Writer out;
  out.begin_object().key("items").begin_array();
  const std::size_t shown = std::min(entries.size(), limit);
  for (std::size_t i = 0; i < shown; ++i) write_entry(out, entries[i]);
  out.end_array().key("nextCursor");
  entries.size() > limit ? out.value(cursor_after(list_name, std::to_string(entries[limit - 1].sequence)))
                         : out.null();
  out.end_object();
  return out.take();
}

Task<net::Response> list(db::Database& database, net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  // What was done a moment ago is shown too, in its place for ever.
  const auto chained = co_await identity::chain_waiting_audit(database);
  if (!chained) co_return net::problem_response(chained.error(), request.traceparent);
  const std::int64_t before = place_in(page->after);
  // One more than shown tells whether anything follows.
  const auto wanted = static_cast<std::int64_t>(page->limit) + 1;
  const auto entries = co_await db::read_for<std::vector<ChainedEntry>>(
      database, [before, wanted](db::Transaction& transaction) {
        return identity::list_audit(transaction, before, wanted);
      });
  if (!entries) co_return net::problem_response(entries.error(), request.traceparent);
  co_return net::json_response(200, answer_of(*entries, page->limit));
}

}  // namespace

void add_audit_routes(net::Router& router, db::Database& database) {
  add_route(router, net::Method::get, "/api/v1/audit",
            [&database](net::Request request) { return list(database, std::move(request)); });
}

}  // namespace perkline::hub::api
