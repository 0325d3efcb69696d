#include "hub/api/promotions_routes.hpp"

#include <algorithm>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"
#include "hub/api/promotions_input.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/wallet/cause.hpp"

namespace perkline::hub::api {
namespace {

using promotions::Assigned;
using promotions::Assignment;
using promotions::AssignOrder;
using promotions::Cause;
using promotions::ClaimOrder;
using promotions::Promotion;

constexpr std::string_view all_list = "promotions";
constexpr std::string_view player_list = "player-promotions";
constexpr std::string_view claim_path = "/api/v1/promotions/claim";

net::Response refusal(const Error& error, const net::Request& request) {
  return net::problem_response(error, request.traceparent);
}

Cause cause_of(const net::Request& request, UuidMaker& ids, const Clock& clock) {
  return {.at = clock.wall_now(), .actor = "user:" + request.principal.id, .audit = ids.next()};
}

net::Response shown(int status, const Promotion& promotion) {
  json::Writer out;
  write_promotion(out, promotion);
  return net::json_response(status, out.take());
}

/// Whose promotions are asked for: a member names nobody but itself. Errors: not_found.
Result<UserId> player_in(const net::Request& request) {
  const std::string& id = request.path_values.at(0);
  const bool is_member = identity::find_role(request.principal.role) == identity::Role::member;
  if (!parse_uuid(id) || (is_member && id != request.principal.id))
    return fail(Errc::not_found, "no such member");
  return UserId(id);
}

}  // namespace

void PromotionsRoutes::add_to(net::Router& router) {
  using Handle = Task<net::Response> (PromotionsRoutes::*)(net::Request);
  const auto add = [this, &router](net::Method method, std::string_view pattern, Handle handle) {
    add_route(router, method, pattern,
              [this, handle](net::Request request) { return (this->*handle)(std::move(request)); });
  };
  add(net::Method::post, "/api/v1/promotions", &PromotionsRoutes::create);
  add(net::Method::get, "/api/v1/promotions", &PromotionsRoutes::list);
  add(net::Method::patch, "/api/v1/promotions/{id}", &PromotionsRoutes::change);
  add(net::Method::get, "/api/v1/promotions/players/{id}", &PromotionsRoutes::list_of_player);
  add(net::Method::post, "/api/v1/promotions/{id}/assign", &PromotionsRoutes::assign);
  add(net::Method::post, claim_path, &PromotionsRoutes::claim);
}

Task<net::Response> PromotionsRoutes::create(net::Request request) {
  auto promotion = json::read_body(request.body, [this](json::Fields& fields, const json::Value& root) {
    return read_promotion(fields, root, parts_.programme);
  });
  if (!promotion) co_return refusal(promotion.error(), request);
  promotion->id = parts_.ids.next();
  const Cause cause = cause_of(request, parts_.ids, parts_.clock);
  const auto done = co_await parts_.database.write([&cause, &promotion](db::Transaction& transaction) {
    return promotions::create(transaction, cause, *promotion);
  });
  if (!done) co_return refusal(done.error(), request);
  co_return shown(201, *promotion);
}

Task<net::Response> PromotionsRoutes::list(net::Request request) {
  const auto filter = filter_in(request, all_list);
  if (!filter) co_return refusal(filter.error(), request);
  const auto found = co_await db::read_for<std::vector<Promotion>>(
      parts_.database,
      [&filter](db::Transaction& transaction) { return promotions::list(transaction, *filter); });
  if (!found) co_return refusal(found.error(), request);
  co_return net::json_response(200, page_json(all_list, *found, filter->limit, &promotions::write_promotion,
                                              [](const Promotion& each) { return each.id.str(); }));
}

Task<net::Response> PromotionsRoutes::change(net::Request request) {
  const auto id = uuid_in_path(request, 0, "promotion");
  if (!id) co_return refusal(id.error(), request);
  // As it is now, for the faults alone; what counts is what it is in the transaction that changes it.
  auto found = co_await db::read_for<Promotion>(
      parts_.database, [&id](db::Transaction& transaction) { return promotions::find(transaction, *id); });
  if (!found && found.error().code != Errc::not_found) co_return refusal(found.error(), request);
  const auto promotion = found ? std::optional(std::move(*found)) : std::nullopt;
  const auto change =
      json::read_body(request.body, [&promotion](json::Fields& fields, const json::Value& root) {
        return read_change(fields, root, promotion);
      });
  if (!change) co_return refusal(change.error(), request);
  const Cause cause = cause_of(request, parts_.ids, parts_.clock);
  const auto changed = co_await db::write_for<Promotion>(
      parts_.database, [&cause, &id, &change](db::Transaction& transaction) {
        return promotions::change(transaction, cause, *id, *change);
      });
  if (!changed) co_return refusal(changed.error(), request);
  co_return shown(200, *changed);
}

Task<net::Response> PromotionsRoutes::list_of_player(net::Request request) {
  const auto player = player_in(request);
  if (!player) co_return refusal(player.error(), request);
  const auto filter = assignment_filter_in(request, player_list, *player);
  if (!filter) co_return refusal(filter.error(), request);
  const auto found = co_await db::read_for<std::vector<Assignment>>(
      parts_.database, [&filter](db::Transaction& transaction) -> Result<std::vector<Assignment>> {
        if (auto member = wallet::find_member(transaction, filter->user); !member) return failure(member);
        return promotions::list_assignments(transaction, *filter);
      });
  if (!found) co_return refusal(found.error(), request);
  co_return net::json_response(200,
                               page_json(player_list, *found, filter->limit, &promotions::write_assignment,
                                         [](const Assignment& each) { return each.promotion.id.str(); }));
}

Task<net::Response> PromotionsRoutes::assign(net::Request request) {
  const auto id = uuid_in_path(request, 0, "promotion");
  if (!id) co_return refusal(id.error(), request);
  auto users = json::read_body(request.body, read_users, limits::json_request_values_max);
  if (!users) co_return refusal(users.error(), request);
  AssignOrder order{
      .promotion = *id, .users = std::move(*users), .events = {}, .traceparent = request.traceparent};
  order.events.resize(order.users.size());
  std::ranges::generate(order.events, [this] { return parts_.ids.next(); });
  const Cause cause = cause_of(request, parts_.ids, parts_.clock);
  const auto done =
      co_await db::write_for<Assigned>(parts_.database, [&cause, &order](db::Transaction& transaction) {
        return promotions::assign(transaction, cause, order);
      });
  if (!done) co_return refusal(done.error(), request);
  json::Writer out;
  out.begin_object().field("assigned", done->assigned).field("alreadyAssigned", done->already_assigned);
  out.field("unknown", done->unknown).end_object();
  co_return net::json_response(200, out.take());
}

Task<net::Response> PromotionsRoutes::claim(net::Request request) {
  auto call = read_keyed(request, claim_path, read_promotion_id);
  if (!call) co_return refusal(call.error(), request);
  wallet::Cause cause = wallet::make_cause(parts_.ids, parts_.clock.wall_now(), request.traceparent);
  const ClaimOrder order{.promotion = call->second,
                         .user = UserId(request.principal.id),
                         .channel = promotions::Channel::web,
                         .claimed_at = cause.at,
                         .event = parts_.ids.next()};
  auto effect = [order, cause = std::move(cause)](db::Transaction& transaction) -> Result<net::Response> {
    const auto claimed = promotions::claim(transaction, cause, order);
    if (!claimed) return std::unexpected(claimed.error());
    json::Writer out;
    write_claim(out, *claimed);
    return net::json_response(200, out.take());
  };
  co_return co_await parts_.calls.answer(std::move(call->first), request.traceparent, std::move(effect));
}

}  // namespace perkline::hub::api
