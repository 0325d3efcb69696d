#include "hub/api/users_routes.hpp"

#include <optional>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/patch.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/export.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/utf8.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

using identity::ErasureState;
using identity::Role;
using identity::User;
using identity::UserSearch;

constexpr std::string_view list_name = "users";

std::string actor_of(const net::Request& request) {
  return "user:" + request.principal.id;
}

net::Response refusal(const Error& error, const net::Request& request) {
  return net::problem_response(error, request.traceparent);
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Errors: validation_failed naming each parameter at fault.
Result<UserSearch> search_in(const net::Request& request) {
  auto page = read_page(request, list_name);
  std::vector<FieldFault> faults = page ? std::vector<FieldFault>{} : std::move(page.error().faults);
  UserSearch search;
  if (auto text = request.query_value("search")) {
    if (text->size() > limits::text_bytes_max || !is_text(*text))
      faults.push_back({"search", "must be text of up to 256 bytes"});
    search.text = std::move(*text);
  }
  if (const auto name = request.query_value("role")) {
    search.role = identity::find_role(*name);
    if (!search.role) faults.push_back({"role", "must be member, staff or admin"});
  }
  if (const auto flag = request.query_value("active")) {
    if (*flag != "true" && *flag != "false") faults.push_back({"active", "must be true or false"});
    search.active = *flag == "true";
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  search.after = page->after;
  search.limit = page->wanted();
  return search;
}

Result<identity::UserAdmin::Change> change_in(const std::string& body) {
  return json::read_body(body, [](json::Fields& fields, const json::Value& root) {
    identity::UserAdmin::Change change;
    if (const auto name = fields.optional_text("role")) {
      change.role = identity::find_role(*name);
      if (!change.role) fields.fault("role", "must be member, staff or admin");
    }
    change.active = fields.optional_bool("active");
    refuse_nulls(fields, root, {"role", "active"});
    if (root.is(json::Value::Kind::object) && fields.fault_count() == 0 && !change.role && !change.active)
      fields.fault("role", "is required, or active");
    return change;
  });
}

/// The user of the path, for themselves and admins. Errors: not_found, as if there were nobody.
Result<UserId> own_or_any_for_admins(const net::Request& request) {
  const std::string& id = request.path_values.at(0);
  const bool is_admin = request.principal.role == name_of(Role::admin);
  if (!parse_uuid(id) || (id != request.principal.id && !is_admin))
    return fail(Errc::not_found, "no such user");
  return UserId(id);
}

std::string answer_of(const ErasureState& state) {
  json::Writer out;
  out.begin_object().field("userId", state.user.str());
  out.field("status", state.is_done() ? "erased" : "erasing");
  out.field("requestedAt", format_time(state.requested_at));
  out.key("stores").begin_array();
  for (const ErasureState::Store& store : state.stores) {
    out.begin_object().field("storeId", store.id.str()).key("erasedAt");
    store.erased_at ? out.value(format_time(*store.erased_at)) : out.null();
    out.end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace

void UsersRoutes::add_to(net::Router& router) {
  const auto add = [&](net::Method method, std::string_view path,
                       Task<net::Response> (UsersRoutes::*handler)(net::Request)) {
    add_route(router, method, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add(net::Method::get, "/api/v1/users", &UsersRoutes::list);
  add(net::Method::patch, "/api/v1/users/{id}", &UsersRoutes::change);
  add(net::Method::del, "/api/v1/users/{id}", &UsersRoutes::erase);
  add(net::Method::get, "/api/v1/users/{id}/export", &UsersRoutes::export_data);
}

Task<net::Response> UsersRoutes::list(net::Request request) {
  const auto search = search_in(request);
  if (!search) co_return refusal(search.error(), request);
  auto users = co_await db::read_for<std::vector<User>>(
      parts_.database,
      [&search](db::Transaction& transaction) { return identity::search_users(transaction, *search); });
  if (!users) co_return refusal(users.error(), request);
  const auto write = [now = parts_.clock.wall_now()](json::Writer& out, const User& user) {
    identity::write_user_for_staff(out, user, now);
  };
  co_return net::json_response(200, page_json(list_name, *users, search->limit, write,
                                              [](const User& user) { return user.id.str(); }));
}

Task<net::Response> UsersRoutes::change(net::Request request) {
  const std::string id = request.path_values.at(0);
  if (!parse_uuid(id)) co_return refusal({.code = Errc::not_found, .detail = "no such user"}, request);
  const auto change = change_in(request.body);
  if (!change) co_return refusal(change.error(), request);
  const auto user = co_await parts_.admin.change(UserId(id), *change, actor_of(request), request.traceparent);
  if (!user) co_return refusal(user.error(), request);
  json::Writer out;
  write_user(out, *user);
  co_return net::json_response(200, out.take());
}

Task<net::Response> UsersRoutes::erase(net::Request request) {
  const auto id = own_or_any_for_admins(request);
  if (!id) co_return refusal(id.error(), request);
  const auto state = co_await parts_.erasures.erase(*id, actor_of(request), request.traceparent);
  if (!state) co_return refusal(state.error(), request);
  co_return net::json_response(state->is_new || !state->is_done() ? 202 : 200, answer_of(*state));
}

Task<net::Response> UsersRoutes::export_data(net::Request request) {
  const auto id = own_or_any_for_admins(request);
  if (!id) co_return refusal(id.error(), request);
  const WallTime now = parts_.clock.wall_now();
  const identity::AuditEntry entry{.id = parts_.uuids.next(),
                                   .at = now,
                                   .actor = actor_of(request),
                                   .action = "user.exported",
                                   .subject = "user:" + id->str()};
  auto data = co_await db::read_for<std::string>(parts_.database, [&](db::Transaction& transaction) {
    return identity::export_user(transaction, *id, parts_.hooks, now);
  });
  if (!data) co_return refusal(data.error(), request);
  // Before it is handed out.
  auto told = co_await parts_.database.write(
      [&entry](db::Transaction& transaction) { return identity::append_audit(transaction, entry); });
  if (!told) co_return refusal(told.error(), request);
  co_return net::json_response(200, std::move(*data));
}

}  // namespace perkline::hub::api
