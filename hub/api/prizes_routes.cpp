#include "hub/api/prizes_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"
#include "hub/api/prize_input.hpp"

namespace perkline::hub::api {
namespace {

using wheel::Prize;

constexpr std::string_view list_name = "prizes";

/// Prizes as they are, and what all that can be drawn have together.
struct Wheel {
  std::vector<Prize> prizes;
  std::int64_t tickets = 0;
};

double odds_of(const Prize& prize, std::int64_t tickets) {
  if (!loyalty::is_in_draw(wheel::in_draw(prize, false))) return 0;
  return static_cast<double>(prize.tickets) / static_cast<double>(tickets);
}

void write_prize(json::Writer& out, const Prize& prize, std::int64_t tickets, const wheel::Terms& terms) {
  const auto optional = [&out](std::string_view name, const std::optional<std::int64_t>& number) {
    out.key(name);
    number ? out.value(*number) : out.null();
  };
  out.begin_object().field("id", prize.id).field("name", prize.name).field("type", name_of(prize.type));
  out.key("weight").raw(loyalty::weight_text(prize.tickets)).field("odds", odds_of(prize, tickets));
  out.field("oneTimePerUser", prize.one_time);
  optional("stock", prize.stock);
  optional("free", prize.free());
  out.field("active", prize.active);
  optional("points", prize.points);
  out.field("pointsAwarded", wheel::points_for(terms, prize)).end_object();
}

net::Response shown(int status, const Wheel& wheel, const wheel::Terms& terms) {
  json::Writer out;
  write_prize(out, wheel.prizes.front(), wheel.tickets, terms);
  return net::json_response(status, out.take());
}

wheel::PrizeCause cause_of(const net::Request& request, UuidMaker& ids, const Clock& clock) {
  return {.id = ids.next(), .at = clock.wall_now(), .actor = "user:" + request.principal.id};
}

/// One prize, among what can be drawn now.
Result<Wheel> with_tickets(db::Transaction& transaction, Prize prize) {
  const auto tickets = wheel::tickets_in_draw(transaction);
  if (!tickets) return std::unexpected(tickets.error());
  return Wheel{.prizes = {std::move(prize)}, .tickets = *tickets};
}

}  // namespace

void PrizesRoutes::add_to(net::Router& router) {
  const auto add_one = [&](net::Method method, std::string_view path,
                           Task<net::Response> (PrizesRoutes::*handler)(net::Request)) {
    add_route(router, method, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add_one(net::Method::get, "/api/v1/prizes", &PrizesRoutes::list);
  add_one(net::Method::post, "/api/v1/prizes", &PrizesRoutes::add);
  add_one(net::Method::patch, "/api/v1/prizes/{id}", &PrizesRoutes::change);
}

Task<net::Response> PrizesRoutes::list(net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  const auto found =
      co_await db::read_for<Wheel>(parts_.database, [&page](db::Transaction& transaction) -> Result<Wheel> {
        auto prizes = wheel::list_prizes(transaction, page->wanted(), page->after);
        if (!prizes) return failure(prizes);
        const auto tickets = wheel::tickets_in_draw(transaction);
        if (!tickets) return std::unexpected(tickets.error());
        return Wheel{.prizes = std::move(*prizes), .tickets = *tickets};
      });
  if (!found) co_return net::problem_response(found.error(), request.traceparent);
  const auto write = [this, &found](json::Writer& out, const Prize& prize) {
    write_prize(out, prize, found->tickets, parts_.terms);
  };
  co_return net::json_response(200, page_json(list_name, found->prizes, page->wanted(), write,
                                              [](const Prize& prize) { return prize.id; }));
}

Task<net::Response> PrizesRoutes::add(net::Request request) {
  auto prize = json::read_body(request.body, read_prize);
  if (!prize) co_return net::problem_response(prize.error(), request.traceparent);
  prize->id = parts_.ids.next().str();
  const auto cause = cause_of(request, parts_.ids, parts_.clock);
  const auto added = co_await db::write_for<Wheel>(
      parts_.database, [&prize, &cause](db::Transaction& transaction) -> Result<Wheel> {
        if (auto done = wheel::add_prize(transaction, cause, *prize); !done) return failure(done);
        return with_tickets(transaction, *prize);
      });
  if (!added) co_return net::problem_response(added.error(), request.traceparent);
  if (parts_.changed) parts_.changed();
  co_return shown(201, *added, parts_.terms);
}

Task<net::Response> PrizesRoutes::change(net::Request request) {
  const auto id = uuid_in_path(request, 0, "prize");
  if (!id) co_return net::problem_response(id.error(), request.traceparent);
  // As it is now, for the faults alone; what counts is what it is in the transaction that changes it.
  const auto prize = co_await db::read_for<std::optional<Prize>>(
      parts_.database,
      [&id](db::Transaction& transaction) { return wheel::find_prize(transaction, id->str()); });
  if (!prize) co_return net::problem_response(prize.error(), request.traceparent);
  const auto change = json::read_body(request.body, [&prize](json::Fields& fields, const json::Value& root) {
    return read_prize_change(fields, root, *prize);
  });
  if (!change) co_return net::problem_response(change.error(), request.traceparent);
  const auto cause = cause_of(request, parts_.ids, parts_.clock);
  const auto changed = co_await db::write_for<Wheel>(
      parts_.database, [&id, &change, &cause](db::Transaction& transaction) -> Result<Wheel> {
        auto prize = wheel::change_prize(transaction, cause, id->str(), *change);
        if (!prize) return failure(prize);
        return with_tickets(transaction, std::move(*prize));
      });
  if (!changed) co_return net::problem_response(changed.error(), request.traceparent);
  if (parts_.changed) parts_.changed();
  co_return shown(200, *changed, parts_.terms);
}

}  // namespace perkline::hub::api
