#include "hub/api/notifications_routes.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "hub/api/add_route.hpp"
#include "hub/api/attempts.hpp"
#include "hub/api/guard.hpp"
#include "hub/api/page.hpp"
#include "hub/notifications/kinds.hpp"
#include "hub/notifications/notifications.hpp"
#include "hub/notifications/preferences.hpp"

namespace perkline::hub::api {
namespace {

using notifications::Notification;
using notifications::Preferences;

constexpr std::string_view list_name = "notifications";
constexpr std::string_view subprotocol = "perkline";

/// The id that a page goes on below. A key of anybody's making that is none names a place too: the list's
/// end.
std::int64_t place_in(const std::string& key) {
  if (key.empty()) return std::numeric_limits<std::int64_t>::max();
  return notifications::id_in(key).value_or(0);
}

struct Asked {
  Page page;
  notifications::Filter filter;
};

/// The list's page and filters, all faults at once.
Result<Asked> read_asked(const net::Request& request) {
  Asked asked;
  std::vector<FieldFault> faults;
  if (auto page = read_page(request, list_name)) {
    asked.page = std::move(*page);
  } else {
    faults = std::move(page.error().faults);
  }
  if (const auto unread = request.query_value("unread")) {
    if (*unread != "true" && *unread != "false") faults.push_back({"unread", "must be true or false"});
    asked.filter.unread = *unread == "true";
  }
  if (auto type = request.query_value("type")) {
    if (std::ranges::find(notifications::types, *type) == notifications::types.end())
      faults.push_back({"type", "is no type of notification"});
    asked.filter.type = std::move(*type);
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return asked;
}

net::Response shown(const Preferences& preferences) {
  json::Writer out;
  notifications::write_preferences(out, preferences);
  return net::json_response(200, out.take());
}

/// `after`: an id, or any whole number (0: from the first one kept). nullopt: not given. Errors: not_found.
Result<std::optional<std::int64_t>> after_in(const net::Request& request) {
  const auto text = request.query_value("after");
  if (!text) return std::nullopt;
  std::int64_t after = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), after);
  if (error != std::errc{} || end != text->data() + text->size() || after < 0)
    return fail(Errc::not_found, "no such notification");
  return after;
}

}  // namespace

void NotificationsRoutes::add_to(net::Router& router) {
  using Handle = Task<net::Response> (NotificationsRoutes::*)(net::Request);
  const auto bound = [this](Handle handle) -> net::Handler {
    return [this, handle](net::Request request) { return (this->*handle)(std::move(request)); };
  };
  const auto add = [&](net::Method method, std::string_view pattern, Handle handle) {
    add_route(router, method, pattern, bound(handle));
  };
  add(net::Method::get, "/api/v1/notifications", &NotificationsRoutes::list);
  add(net::Method::post, "/api/v1/notifications/{id}/read", &NotificationsRoutes::read_one);
  add(net::Method::post, "/api/v1/notifications/read-all", &NotificationsRoutes::read_all);
  add(net::Method::get, "/api/v1/notifications/preferences", &NotificationsRoutes::show_preferences);
  add(net::Method::put, "/api/v1/notifications/preferences", &NotificationsRoutes::set_preferences);
  add_socket_route(router, "/api/v1/notifications/ws", bound(&NotificationsRoutes::open_socket));
}

Task<net::Response> NotificationsRoutes::list(net::Request request) {
  const auto asked = read_asked(request);
  if (!asked) co_return net::problem_response(asked.error(), request.traceparent);
  const UserId user(request.principal.id);
  const std::int64_t wanted = asked->page.wanted();
  const std::int64_t before = place_in(asked->page.after);
  const auto found =
      co_await db::read_for<std::vector<Notification>>(parts_.database, [&](db::Transaction& transaction) {
        return notifications::newest(transaction, user, asked->filter, before, wanted);
      });
  if (!found) co_return net::problem_response(found.error(), request.traceparent);
  co_return net::json_response(
      200, page_json(list_name, *found, wanted, &notifications::write_notification,
                     [](const Notification& each) { return notifications::id_text(each.id); }));
}

Task<net::Response> NotificationsRoutes::read_one(net::Request request) {
  const auto id = notifications::id_in(request.path_values.at(0));
  const UserId user(request.principal.id);
  Result<bool> marked = false;
  if (id) {
    marked = co_await db::write_for<bool>(parts_.database, [&](db::Transaction& transaction) {
      return notifications::mark_read(transaction, user, *id);
    });
  }
  if (!marked) co_return net::problem_response(marked.error(), request.traceparent);
  if (!*marked) {
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such notification"},
                                    request.traceparent);
  }
  co_return net::Response{.status = 204};
}

Task<net::Response> NotificationsRoutes::read_all(net::Request request) {
  const UserId user(request.principal.id);
  const auto marked = co_await parts_.database.write(
      [&](db::Transaction& transaction) { return notifications::mark_all_read(transaction, user); });
  if (!marked) co_return net::problem_response(marked.error(), request.traceparent);
  co_return net::Response{.status = 204};
}

Task<net::Response> NotificationsRoutes::open_socket(net::Request request) {
  const auto refused = [&](const Error& error) { return net::problem_response(error, request.traceparent); };
  auto after = after_in(request);
  if (!after) co_return refused(after.error());
  const auto offered = net::offered_subprotocols(request);
  if (std::ranges::find(offered, subprotocol) == offered.end())
    co_return refused({.code = Errc::bad_request, .detail = "the subprotocol perkline must be offered"});
  notifications::Feed::Listener listener{.user = UserId(request.principal.id)};
  // From here on, as many may be opening at once.
  auto place = feed_.take_place(listener.user, network_of(request.peer));
  if (!place) co_return refused(place.error());
  const auto token = socket_token(request);
  const auto claims = token ? parts_.tokens.verify(*token) : fail(Errc::unauthenticated, "no token");
  if (!claims) co_return refused(claims.error());
  listener.session = claims->session;
  listener.expires_at = claims->expires_at;
  // Before the socket opens: what comes once it is open is told. An id beyond the last one is no
  // notification's, and whoever waited for the ids to get there would hear nothing until then.
  const auto last = co_await db::read_for<std::int64_t>(parts_.database, &notifications::last_id);
  if (!last) co_return refused(last.error());
  listener.after = std::min(after->value_or(*last), *last);

  net::Response response{.status = 101};
  response.headers.add("Sec-WebSocket-Protocol", std::string(subprotocol));
  response.talk = [this, listener = std::move(listener), place = std::move(*place)](net::WebSocket& socket) {
    return feed_.serve(listener, socket);
  };
  co_return response;
}

Task<net::Response> NotificationsRoutes::show_preferences(net::Request request) {
  const UserId user(request.principal.id);
  const auto preferences = co_await db::read_for<Preferences>(
      parts_.database,
      [&user](db::Transaction& transaction) { return notifications::preferences_of(transaction, user); });
  if (!preferences) co_return net::problem_response(preferences.error(), request.traceparent);
  co_return shown(*preferences);
}

Task<net::Response> NotificationsRoutes::set_preferences(net::Request request) {
  const auto change = json::read_body(request.body, &notifications::read_preferences);
  if (!change) co_return net::problem_response(change.error(), request.traceparent);
  const UserId user(request.principal.id);
  const auto put = co_await db::write_for<Preferences>(
      parts_.database, [&](db::Transaction& transaction) -> Result<Preferences> {
        // Two changes of one member's, one after the other; and nothing is kept of who is erased meanwhile.
        const auto held = identity::hold_user(transaction, user);
        if (!held) return std::unexpected(held.error());
        if (!*held) return fail(Errc::unauthenticated, "the account is no more");
        auto before = notifications::preferences_of(transaction, user);
        if (!before) return before;
        Preferences wanted = notifications::changed(std::move(*before), *change);
        auto done = notifications::put_preferences(transaction, user, wanted);
        if (!done) return failure(done);
        return wanted;
      });
  if (!put) co_return net::problem_response(put.error(), request.traceparent);
  co_return shown(*put);
}

}  // namespace perkline::hub::api
