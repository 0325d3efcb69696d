#include "hub/api/stores_routes.hpp"

#include <algorithm>
#include <memory>

#include "hub/api/add_route.hpp"
#include "hub/api/overview.hpp"
#include "hub/api/page.hpp"
#include "hub/api/store_json.hpp"
#include "hub/identity/audit.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using stores::Store;
using stores::StoreKey;
using stores::Turnover;

constexpr std::string_view list_name = "stores";

Task<net::Response> list_stores(db::Database& database, const Clock& clock, net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  auto stores = co_await db::read_for<std::vector<Store>>(database, [&page](db::Transaction& transaction) {
    return stores::list(transaction, page->after, page->wanted());
  });
  if (!stores) co_return net::problem_response(stores.error(), request.traceparent);
  const auto write = [now = clock.wall_now()](json::Writer& out, const Store& store) {
    write_store(out, store, now);
  };
  co_return net::json_response(200, page_json(list_name, *stores, page->wanted(), write,
                                              [](const Store& store) { return store.id.str(); }));
}

Error no_such_store() {
  return {.code = Errc::not_found, .detail = "no such store"};
}

Task<net::Response> show_store(db::Database& database, const Clock& clock, net::Request request) {
  const StoreId id(request.path_values.at(0));
  // What cannot be an id is nobody's.
  if (stores::fault_of_id(id.str())) co_return net::problem_response(no_such_store(), request.traceparent);
  auto store = co_await db::read_for<Store>(
      database, [&id](db::Transaction& transaction) { return stores::find(transaction, id); });
  if (!store) co_return net::problem_response(store.error(), request.traceparent);
  json::Writer out;
  write_store(out, *store, clock.wall_now());
  co_return net::json_response(200, out.take());
}

/// What an admin changes: by whom and when, for the audit too.
struct Change {
  std::string actor;
  WallTime now;
  Uuid audit_id;
};

Result<void> note(db::Transaction& transaction, const Change& change, std::string action, const StoreId& id,
                  std::string detail) {
  return identity::append_audit(transaction, {.id = change.audit_id,
                                              .at = change.now,
                                              .actor = change.actor,
                                              .action = std::move(action),
                                              .subject = "store:" + id.str(),
                                              .detail = std::move(detail)});
}

/// As a body names them; of a new store the key may come later.
struct NewStore {
  StoreId id;
  std::optional<std::string> public_key;
};

/// A text by a rule of the registry's.
std::string text_by(json::Fields& fields, std::string_view name,
                    std::optional<std::string> (*fault_of)(std::string_view)) {
  const std::size_t faults = fields.fault_count();
  std::string text = fields.required_text(name);
  if (fields.fault_count() > faults) return text;
  if (auto fault = fault_of(text)) fields.fault(name, std::move(*fault));
  return text;
}

NewStore read_new_store(json::Fields& fields, const json::Value& root) {
  NewStore store{.id = StoreId(text_by(fields, "id", &stores::fault_of_id)), .public_key = std::nullopt};
  const json::Value* key = root.find("publicKey");
  if (key != nullptr && !key->is(json::Value::Kind::null))
    store.public_key = text_by(fields, "publicKey", &stores::fault_of_key);
  return store;
}

std::string read_key(json::Fields& fields, const json::Value&) {
  return text_by(fields, "publicKey", &stores::fault_of_key);
}

struct KeyedStore {
  Store store;
  std::vector<StoreKey> keys;
};

/// Errors: not_found.
Result<KeyedStore> find_keyed(db::Transaction& transaction, const StoreId& id) {
  auto store = stores::find(transaction, id);
  if (!store) return failure(store);
  auto keys = stores::keys(transaction, id);
  if (!keys) return failure(keys);
  return KeyedStore{.store = std::move(*store), .keys = std::move((*keys)[id])};
}

/// Of a store that is there: nothing to do if it is let in with that key, as when the same call comes again.
Result<KeyedStore> known_with_key(db::Transaction& transaction, const NewStore& wanted) {
  auto known = find_keyed(transaction, wanted.id);
  if (!known) return known;
  const bool same = wanted.public_key && !known->store.retired &&
                    std::ranges::any_of(known->keys, [&](const StoreKey& key) {
                      return key.public_key == *wanted.public_key && !key.revoked_at;
                    });
  if (same) return known;
  return fail(Errc::already_registered,
              "store " + wanted.id.str() + " is there already; keys are added at its /keys");
}

Result<KeyedStore> make_store(db::Transaction& transaction, const NewStore& wanted, const Change& change) {
  const auto is_new = stores::make(transaction, wanted.id, change.now);
  if (!is_new) return std::unexpected(is_new.error());
  if (!*is_new) return known_with_key(transaction, wanted);
  std::string detail = "{}";
  if (wanted.public_key) {
    const auto added = stores::add_key(transaction, wanted.id, *wanted.public_key, change.now);
    if (!added) return std::unexpected(added.error());
    detail = audit_of_key(*wanted.public_key);
  }
  auto noted = note(transaction, change, "store.added", wanted.id, std::move(detail));
  if (!noted) return failure(noted);
  return find_keyed(transaction, wanted.id);
}

Result<KeyedStore> add_key(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                           const Change& change) {
  const auto added = stores::add_key(transaction, id, public_key, change.now);
  if (!added) return std::unexpected(added.error());
  if (*added) {
    auto noted = note(transaction, change, "store.key_added", id, audit_of_key(public_key));
    if (!noted) return failure(noted);
  }
  return find_keyed(transaction, id);
}

net::Response created(const Result<KeyedStore>& made, const Change& change, std::string_view traceparent) {
  if (!made) return net::problem_response(made.error(), traceparent);
  json::Writer out;
  write_store(out, made->store, made->keys, change.now);
  return net::json_response(201, out.take());
}

Task<net::Response> create_store(db::Database& database, net::Request request, Change change) {
  const auto wanted = json::read_body(request.body, read_new_store);
  if (!wanted) co_return net::problem_response(wanted.error(), request.traceparent);
  const auto made = co_await db::write_for<KeyedStore>(
      database, [&](db::Transaction& transaction) { return make_store(transaction, *wanted, change); });
  co_return created(made, change, request.traceparent);
}

Task<net::Response> create_key(db::Database& database, net::Request request, Change change) {
  const StoreId id(request.path_values.at(0));
  if (stores::fault_of_id(id.str())) co_return net::problem_response(no_such_store(), request.traceparent);
  const auto key = json::read_body(request.body, read_key);
  if (!key) co_return net::problem_response(key.error(), request.traceparent);
  const auto made = co_await db::write_for<KeyedStore>(
      database, [&](db::Transaction& transaction) { return add_key(transaction, id, *key, change); });
  co_return created(made, change, request.traceparent);
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

/// Shares the figures' owner with the router's handler, as a call may outlast it.
Task<net::Response> show_overview(std::shared_ptr<Overview> overview, Currency currency,
                                  net::Request request) {
  const auto figures = co_await overview->figures();
  if (!figures) co_return net::problem_response(figures.error(), request.traceparent);
  json::Writer out;
  out.begin_object().field("asOf", format_time((*figures)->as_of)).key("stores").begin_array();
  for (const Turnover& store : (*figures)->stores) write_turnover(out, store, currency);
  out.end_array().end_object();
  co_return net::json_response(200, out.take());
}

}  // namespace

void add_stores_routes(net::Router& router, db::Database& database, net::AsyncClock& clock, UuidMaker& uuids,
                       Currency currency) {
  const auto change_by = [&clock, &uuids](const net::Request& request) {
    return Change{.actor = "user:" + request.principal.id, .now = clock.wall_now(), .audit_id = uuids.next()};
  };
  add_route(router, net::Method::get, "/api/v1/stores", [&database, &clock](net::Request request) {
    return list_stores(database, clock, std::move(request));
  });
  add_route(router, net::Method::get, "/api/v1/stores/{id}", [&database, &clock](net::Request request) {
    return show_store(database, clock, std::move(request));
  });
  add_route(router, net::Method::post, "/api/v1/stores", [&database, change_by](net::Request request) {
    Change change = change_by(request);
    return create_store(database, std::move(request), std::move(change));
  });
  add_route(router, net::Method::post, "/api/v1/stores/{id}/keys",
            [&database, change_by](net::Request request) {
              Change change = change_by(request);
              return create_key(database, std::move(request), std::move(change));
            });
  add_route(router, net::Method::get, "/api/v1/stats/overview",
            [overview = std::make_shared<Overview>(database, clock), currency](net::Request request) {
              return show_overview(overview, currency, std::move(request));
            });
}

}  // namespace perkline::hub::api
