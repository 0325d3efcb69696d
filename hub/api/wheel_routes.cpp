#include "hub/api/wheel_routes.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"
#include "hub/api/prize_input.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/limits.hpp"

namespace perkline::hub::api {
namespace {

using wheel::SeedNotice;
using wheel::Spin;
using wheel::Spun;

constexpr std::string_view spin_path = "/api/v1/spin";
constexpr std::string_view spins_list = "spins";
constexpr std::string_view seeds_list = "wheel-seeds";

net::Response created(const Spun& spun) {
  json::Writer out;
  out.begin_object().field("spinId", spun.spin.id).key("prize");
  write_prize_won(out, spun.spin);
  out.field("pointsAwarded", spun.spin.points).field("balance", spun.balance).key("proof");
  write_proof(out, spun.proof);
  out.end_object();
  return net::json_response(201, out.take());
}

void write_seed(json::Writer& out, const SeedNotice& seed, const StoreId& store) {
  out.begin_object().field("day", wheel::day_text(seed.day)).key("storeId");
  store.empty() ? out.null() : out.value(store.str());
  out.field("serverSeedHash", seed.commitment).key("serverSeed");
  seed.seed ? out.value(*seed.seed) : out.null();
  out.key("revealedAt");
  seed.revealed_at ? out.value(format_time(*seed.revealed_at)) : out.null();
  out.end_object();
}

struct SeedSearch {
  StoreId store;
  std::optional<wheel::Day> before;
  std::int64_t wanted = 0;
};

/// Errors: validation_failed naming each parameter at fault; not_found for what cannot be a store's id, as it
/// is of none.
Result<SeedSearch> seed_search_in(const net::Request& request) {
  auto page = read_page(request, seeds_list);
  std::vector<FieldFault> faults = page ? std::vector<FieldFault>{} : std::move(page.error().faults);
  SeedSearch search;
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  if (const auto store = request.query_value("storeId")) {
    const bool fits = !store->empty() && store->size() <= limits::id_bytes_max &&
                      std::ranges::all_of(*store, [](char c) { return c > ' ' && c <= '~'; });
    if (!fits) return fail(Errc::not_found, "no such store");
    search.store = StoreId(*store);
  }
  search.wanted = page->wanted();
  if (page->after.empty()) return search;
  // A key of anybody's making that is none names a place too: the list's end.
  std::int32_t day = 0;
  const auto [end, error] = std::from_chars(page->after.data(), page->after.data() + page->after.size(), day);
  const bool is_day = error == std::errc{} && end == page->after.data() + page->after.size();
  search.before = wheel::Day{days{is_day ? day : 0}};
  return search;
}

}  // namespace

void WheelRoutes::add_to(net::Router& router) {
  const auto add = [&](net::Method method, std::string_view path,
                       Task<net::Response> (WheelRoutes::*handler)(net::Request)) {
    add_route(router, method, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add(net::Method::post, spin_path, &WheelRoutes::spin);
  add(net::Method::get, "/api/v1/spins", &WheelRoutes::list_spins);
  add(net::Method::get, "/api/v1/spins/{id}/proof", &WheelRoutes::show_proof);
  add(net::Method::get, "/api/v1/wheel/seeds", &WheelRoutes::list_seeds);
}

Task<net::Response> WheelRoutes::spin(net::Request request) {
  // Who has no seed to give need not say so.
  if (request.body.empty()) request.body = "{}";
  auto read = read_keyed(request, spin_path, read_client_seed);
  if (!read) co_return net::problem_response(read.error(), request.traceparent);
  // The effect may outlast this call.
  const auto won = std::make_shared<std::string>();
  auto effect = [terms = parts_.terms,
                 cause = wheel::make_cause(parts_.ids, parts_.clock.wall_now(), request.traceparent),
                 user = UserId(request.principal.id), client_seed = std::move(read->second),
                 won](db::Transaction& transaction) -> Result<net::Response> {
    const auto spun = wheel::spin(transaction, terms, cause, user, client_seed);
    if (!spun) return std::unexpected(spun.error());
    *won = name_of(spun->spin.prize_type);
    return created(*spun);
  };
  auto answer = co_await parts_.calls.answer(std::move(read->first), request.traceparent, std::move(effect));
  // A repetition's answer comes without its effect.
  if (answer.status == 201 && !won->empty() && parts_.on_spin) parts_.on_spin(*won);
  co_return answer;
}

Task<net::Response> WheelRoutes::list_spins(net::Request request) {
  const auto page = read_page(request, spins_list);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  const UserId user(request.principal.id);
  const auto spins =
      co_await db::read_for<std::vector<Spin>>(parts_.database, [&user, &page](db::Transaction& transaction) {
        return wheel::spins_of(transaction, user, page->wanted(), page->after);
      });
  if (!spins) co_return net::problem_response(spins.error(), request.traceparent);
  co_return net::json_response(200, page_json(spins_list, *spins, page->wanted(), &wheel::write_spin,
                                              [](const Spin& spin) { return spin.id; }));
}

Task<net::Response> WheelRoutes::show_proof(net::Request request) {
  const auto id = uuid_in_path(request, 0, "spin");
  if (!id) co_return net::problem_response(id.error(), request.traceparent);
  const auto proof = co_await db::read_for<std::optional<wheel::Proof>>(
      parts_.database, [&id](db::Transaction& transaction) { return wheel::find_proof(transaction, *id); });
  if (!proof) co_return net::problem_response(proof.error(), request.traceparent);
  if (!*proof)
    co_return net::problem_response({.code = Errc::not_found, .detail = "no such spin"}, request.traceparent);
  json::Writer out;
  write_proof(out, **proof);
  co_return net::json_response(200, out.take());
}

Task<net::Response> WheelRoutes::list_seeds(net::Request request) {
  const auto search = seed_search_in(request);
  if (!search) co_return net::problem_response(search.error(), request.traceparent);
  const auto seeds = co_await db::read_for<std::vector<SeedNotice>>(
      parts_.database, [&search](db::Transaction& transaction) {
        return wheel::list_seeds(transaction, search->store, search->wanted, search->before);
      });
  if (!seeds) co_return net::problem_response(seeds.error(), request.traceparent);
  const auto write = [&search](json::Writer& out, const SeedNotice& seed) {
    write_seed(out, seed, search->store);
  };
  co_return net::json_response(
      200, page_json(seeds_list, *seeds, search->wanted, write, [](const SeedNotice& seed) {
        return std::to_string(seed.day.time_since_epoch().count());
      }));
}

}  // namespace perkline::hub::api
