#include "hub/api/dead_letters_routes.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "hub/api/add_route.hpp"
#include "hub/api/dead_letters.hpp"
#include "hub/api/page.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

constexpr std::string_view list_name = "dead-letters";

/// A page's sort key: `received_at/id`.
std::string key_of(const DeadLetter& letter) {
  return std::to_string(letter.received_at.time_since_epoch().count()) + '/' + letter.id;
}

/// nullopt: from the first. A key of anybody's making that is none names a place too: the list's end.
std::optional<DeadLetterPlace> place_in(const std::string& key) {
  if (key.empty()) return std::nullopt;
  DeadLetterPlace place;
  const auto slash = std::min(key.find('/'), key.size());
  const auto [end, error] = std::from_chars(key.data(), key.data() + slash, place.received_at);
  if (error != std::errc{} || end != key.data() + slash || slash == key.size()) return DeadLetterPlace{};
  place.id = key.substr(slash + 1);
  return place;
}

Task<net::Response> list(db::Database& database, net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  const auto after = place_in(page->after);
  auto letters =
      co_await db::read_for<std::vector<DeadLetter>>(database, [&after, &page](db::Transaction& transaction) {
        return open_dead_letters(transaction, after, page->wanted());
      });
  if (!letters) co_return net::problem_response(letters.error(), request.traceparent);
  const auto write = [](json::Writer& out, const DeadLetter& letter) { write_dead_letter(out, letter); };
  co_return net::json_response(200, page_json(list_name, *letters, page->wanted(), write, &key_of));
}

/// The id in the path. What cannot be one is nobody's. Errors: not_found.
Result<std::string> id_in(const net::Request& request) {
  const std::string& id = request.path_values.at(0);
  if (!std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~'; }))
    return fail(Errc::not_found, "no such dead letter");
  return id;
}

using Decide = std::function<Result<DeadLetter>(db::Transaction&, const std::string& id)>;

Task<net::Response> decide(db::Database& database, net::Request request, Decide how) {
  const auto id = id_in(request);
  if (!id) co_return net::problem_response(id.error(), request.traceparent);
  auto letter = co_await db::write_for<DeadLetter>(
      database, [&id, &how](db::Transaction& transaction) { return how(transaction, *id); });
  if (!letter) co_return net::problem_response(letter.error(), request.traceparent);
  json::Writer out;
  write_dead_letter(out, *letter);
  co_return net::json_response(200, out.take());
}

Result<std::string> reason_in(const std::string& body) {
  return json::read_body(
      body, [](json::Fields& fields, const json::Value&) { return fields.required_text("reason"); });
}

Task<net::Response> discard(db::Database& database, net::Request request, Decision decision) {
  if (const auto id = id_in(request); !id) co_return net::problem_response(id.error(), request.traceparent);
  auto reason = reason_in(request.body);
  if (!reason) co_return net::problem_response(reason.error(), request.traceparent);
  co_return co_await decide(database, std::move(request),
                            [reason = std::move(*reason), decision = std::move(decision)](
                                db::Transaction& transaction, const std::string& id) {
                              return discard_audited(transaction, id, reason, decision);
                            });
}

}  // namespace

void add_dead_letters_routes(net::Router& router, db::Database& database, const Clock& clock,
                             UuidMaker& uuids, wheel::Terms terms) {
  const auto decision_in = [&clock, &uuids](const net::Request& request) {
    return decision_of("user:" + request.principal.id, clock, uuids);
  };
  add_route(router, net::Method::get, "/api/v1/dead-letters",
            [&database](net::Request request) { return list(database, std::move(request)); });
  add_route(router, net::Method::post, "/api/v1/dead-letters/{id}/retry",
            [&database, decision_in, terms = std::move(terms)](net::Request request) {
              Decision decision = decision_in(request);
              return decide(database, std::move(request),
                            [decision = std::move(decision), terms](db::Transaction& transaction,
                                                                    const std::string& id) {
                              return retry_audited(transaction, id, decision, terms);
                            });
            });
  add_route(router, net::Method::post, "/api/v1/dead-letters/{id}/discard",
            [&database, decision_in](net::Request request) {
              Decision decision = decision_in(request);
              return discard(database, std::move(request), std::move(decision));
            });
}

}  // namespace perkline::hub::api
