#include "hub/api/points_routes.hpp"

#include <algorithm>

#include "hub/api/add_route.hpp"
#include "hub/identity/user.hpp"
#include "hub/points/balance.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using points::Balance;

/// Whose balance is asked for: by exactly one of them.
struct Owner {
  std::optional<UserId> user;
  std::optional<CustomerId> customer;
};

/// What cannot be anybody's id is asked for in vain: nobody has it.
bool may_be_id(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Result<Owner> owner_in(const net::Request& request) {
  const auto user = request.query_value("userId");
  const auto customer = request.query_value("customerId");
  const auto role = identity::find_role(request.principal.role);
  if (role == identity::Role::member) {
    // A member names nobody but itself, and learns nothing of whether others exist.
    if (customer || (user && *user != request.principal.id)) return fail(Errc::not_found, "no such member");
    return Owner{.user = UserId(request.principal.id), .customer = std::nullopt};
  }
  if (user.has_value() == customer.has_value()) {
    const std::string message = "give exactly one of userId and customerId";
    return fail(json::validation_error({{"userId", message}, {"customerId", message}}));
  }
  if (!may_be_id(user ? *user : *customer)) return fail(Errc::not_found, "no such member");
  if (user) return Owner{.user = UserId(*user), .customer = std::nullopt};
  return Owner{.user = std::nullopt, .customer = CustomerId(*customer)};
}

Result<Balance> find_balance(db::Transaction& transaction, const Owner& owner) {
  std::optional<CustomerId> customer = owner.customer;
  if (owner.user) {
    auto user = identity::find_user(transaction, *owner.user);
    if (!user) return failure(user);
    if (!*user) return fail(Errc::not_found, "no such user");
    customer = (*user)->loyalty_id;
    if (!customer) return Balance{};
  }
  auto balance = points::balance_of(transaction, *customer);
  if (!balance) return failure(balance);
  if (*balance) return std::move(**balance);
  // A user's card may be new; of a card alone nothing is known before its first sale.
  if (owner.user) return Balance{};
  return fail(Errc::not_found, "no such member");
}

std::string answer_of(const Balance& balance) {
  const Balance::Rewards& rewards = balance.rewards;
  json::Writer out;
  out.begin_object();
  out.field("balance", balance.balance).field("pending", balance.pending);
  out.field("expiringSoon", balance.expiring_soon);
  out.key("rewards").begin_object();
  out.field("net", rewards.net).field("pending", rewards.pending).field("owed", rewards.owed);
  out.key("pdiBalance");
  rewards.pdi_balance ? out.value(*rewards.pdi_balance) : out.null();
  out.key("asOf");
  rewards.as_of ? out.value(format_time(*rewards.as_of)) : out.null();
  out.end_object();
  out.field("tier", balance.tier);
  out.end_object();
  return out.take();
}

Task<net::Response> show_balance(db::Database& database, net::Request request) {
  const auto owner = owner_in(request);
  if (!owner) co_return net::problem_response(owner.error(), request.traceparent);
  auto balance = co_await db::read_for<Balance>(
      database, [&owner](db::Transaction& transaction) { return find_balance(transaction, *owner); });
  if (!balance) co_return net::problem_response(balance.error(), request.traceparent);
  co_return net::json_response(200, answer_of(*balance));
}

}  // namespace

void add_points_routes(net::Router& router, db::Database& database) {
  add_route(router, net::Method::get, "/api/v1/points/balance",
            [&database](net::Request request) { return show_balance(database, std::move(request)); });
}

}  // namespace perkline::hub::api
