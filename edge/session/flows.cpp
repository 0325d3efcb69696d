#include "edge/session/flows.hpp"

#include "edge/session/answers.hpp"
#include "edge/session/till_error.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::session {

Flows::Flows(FlowOptions options, Ports ports, Resolver& resolver)
    : options_(std::move(options)),
      ports_(ports),
      resolver_(resolver),
      aging_(ports.clock.wall_now(), ports.clock.mono_now()) {}

/// Past its time, and in a state in which that counts.
bool Flows::is_old(const Session& session) {
  return may_expire(session) &&
         aging_.at(ports_.clock.wall_now(), ports_.clock.mono_now()) >= session.expires_at;
}

Task<Result<net::KeyedLock::Guard>> Flows::take_turn(std::string key) {
  auto turn = co_await ports_.locks.acquire(std::move(key), deadline(limits::session_queue_wait));
  if (!turn) co_return fail(session_busy());
  co_return std::move(*turn);
}

Task<Result<Session>> Flows::load(SessionId id) {
  auto found = ports_.store.find(id);
  if (!found) co_return failure(found);
  if (!*found) co_return fail(Errc::not_found, "no such session");
  co_return co_await expire_if_old(std::move(**found));
}

Task<Result<Session>> Flows::expire_if_old(Session session) {
  if (!is_old(session)) co_return session;
  auto expired = take_step(std::move(session), Step::expire);
  if (!expired) co_return expired;
  expired->earned = {};
  if (auto kept = co_await ports_.store.commit(*expired); !kept) co_return failure(kept);
  co_return expired;
}

Task<Result<Answer>> Flows::identify(IdentifyRequest request) {
  auto turn = co_await take_turn("transaction:" + request.transaction.str());
  if (!turn) co_return failure(turn);
  auto known = ports_.store.find(request.transaction);
  if (!known) co_return failure(known);
  if (*known) {
    const Session& earlier = **known;
    if (earlier.customer != request.customer || earlier.channel != request.channel)
      co_return fail(transaction_reused());
    co_return replay(earlier.identify_answer);
  }

  auto identified = co_await ports_.pdi.identify(
      {.customer = request.customer, .channel = request.channel, .transaction = request.transaction},
      deadline(options_.timeouts.identify));
  if (!identified) co_return fail(till_error(std::move(identified.error())));
  Session session = opened(request, std::move(*identified));
  Answer answer = session.identify_answer;
  if (auto kept = co_await ports_.store.commit(std::move(session)); !kept) co_return failure(kept);
  co_return answer;
}

Session Flows::opened(const IdentifyRequest& request, pdi::Identified identified) {
  Session session{.id = ports_.uuids.next_session_id(), .currency = options_.currency};
  session.store = options_.store;
  session.customer = request.customer;
  session.channel = request.channel;
  session.transaction = request.transaction;
  session.provider_session = std::move(identified.session);
  session.customer_name = std::move(identified.customer_name);
  session.current_points = identified.current_points;
  session.tier = std::move(identified.tier);
  session.created_at = ports_.clock.wall_now();
  session.expires_at = aging_.at(session.created_at, ports_.clock.mono_now()) + options_.ttl;
  session.identify_answer = Answer{.status = 200, .body = render_identified(session)};
  return session;
}

Task<Result<Answer>> Flows::calculate_rewards(CalculateRequest request) {
  auto turn = co_await take_turn(request.session.str());
  if (!turn) co_return failure(turn);
  auto session = co_await load(request.session);
  if (!session) co_return failure(session);
  if (session->basket == request.basket && session->calculate_answer)
    co_return replay(*session->calculate_answer);
  auto next = take_step(std::move(*session), Step::calculate);
  if (!next) co_return failure(next);

  auto rewards = co_await ports_.pdi.calculate({.session = next->provider_session,
                                                .transaction_amount = request.basket.amount,
                                                .items = request.basket.items},
                                               deadline(options_.timeouts.calculate));
  if (!rewards) co_return fail(till_error(std::move(rewards.error())));
  next->basket = std::move(request.basket);
  next->earned = rewards->earned;
  next->calculate_answer = Answer{.status = 200, .body = render_rewards(*rewards, next->current_points)};
  Answer answer = *next->calculate_answer;
  if (auto kept = co_await ports_.store.commit(std::move(*next)); !kept) co_return failure(kept);
  co_return answer;
}

Task<Result<Answer>> Flows::status(SessionId id) {
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if (!*session) co_return fail(Errc::not_found, "no such session");
  if (!is_old(**session)) co_return Answer{.body = render_status(**session)};

  auto turn = co_await take_turn(id.str());
  if (!turn) co_return failure(turn);
  auto lapsed = co_await load(id);
  if (!lapsed) co_return failure(lapsed);
  co_return Answer{.body = render_status(*lapsed)};
}

}  // namespace perkline::edge::session
