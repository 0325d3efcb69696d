#include "edge/session/flows.hpp"

#include "edge/session/answers.hpp"
#include "edge/session/call.hpp"
#include "edge/session/till_error.hpp"
#include "edge/standin/pricing.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge::session {

Flows::Flows(FlowOptions options, Ports ports, SessionWriter& writer, Finalizer& finalizer, OnOpen on_open)
    : options_(std::move(options)),
      ports_(ports),
      writer_(writer),
      finalizer_(finalizer),
      on_open_(std::move(on_open)) {}

void Flows::set_standin(StandIn standin) {
  standin.enabled = options_.standin.enabled;
  options_.standin = std::move(standin);
}

Task<Result<net::KeyedLock::Guard>> Flows::take_turn(std::string key) {
  if (options_.room && options_.room() == journal::Room::none) co_return fail(storage_full());
  if (auto free = ports_.locks.try_acquire(key)) co_return std::move(*free);
  auto turn = co_await ports_.locks.acquire(std::move(key), deadline(limits::session_queue_wait));
  if (!turn) co_return fail(session_busy());
  co_return std::move(*turn);
}

/// Asked when it is known that a till's call begins something, and is not told again what it was told.
Result<void> Flows::may_begin() const {
  if (options_.room && options_.room() != journal::Room::ample) return fail(storage_full());
  return {};
}

Task<Result<SharedSession>> Flows::load(SessionId id) {
  auto found = ports_.store.share(id);
  if (found && !*found) co_return fail(Errc::not_found, "no such session");
  if (!found || !writer_.is_old(**found)) co_return found;
  co_return co_await writer_.expire_if_old(std::move(*found));
}

// ---- identify

Task<Result<Answer>> Flows::identify(IdentifyRequest request, std::string traceparent) {
  auto turn = co_await take_turn("transaction:" + request.transaction.str());
  if (!turn) co_return failure(turn);
  auto known = ports_.store.find(request.transaction);
  if (!known) co_return failure(known);
  if (*known) {
    const auto* earlier = std::get_if<Session>(&**known);
    const bool same = earlier != nullptr && earlier->transaction == request.transaction &&
                      earlier->customer == request.customer && earlier->channel == request.channel;
    if (!same) co_return fail(transaction_reused());
    co_return replay(earlier->identify_answer);
  }
  if (auto may = may_begin(); !may) co_return failure(may);

  auto stood_in = std::make_shared<SessionId>();
  const auto call = co_await ask(ports_.clock, options_.standin,
                                 identify_or_lend(request, std::move(traceparent), stood_in));
  const bool by_pdi = call->reply && *call->reply;
  if (!by_pdi && call->reply && !may_stand_in(options_.standin, call->reply->error()))
    co_return fail(till_error(std::move(call->reply->error())));
  auto session = opened(request, by_pdi ? std::optional(std::move(**call->reply)) : std::nullopt);
  if (!session) co_return failure(session);
  Answer answer = session->identify_answer;
  const SessionId id = session->id;
  if (auto kept = co_await writer_.open(std::move(*session), by_pdi); !kept) co_return failure(kept);
  *stood_in = id;
  // It came while the session was being journalled, and found none to lend itself to.
  if (!by_pdi && call->reply && *call->reply)
    co_await net::spawn_child(lend(id, std::move((*call->reply)->session)));
  co_return answer;
}

/// An answer that comes after the stand-in's lends its session to settlement.
Task<pdi::Reply<pdi::Identified>> Flows::identify_or_lend(IdentifyRequest request, std::string traceparent,
                                                          std::shared_ptr<SessionId> stood_in) {
  auto identified = co_await ports_.pdi.identify({.customer = std::move(request.customer),
                                                  .channel = std::move(request.channel),
                                                  .transaction = std::move(request.transaction),
                                                  .traceparent = std::move(traceparent)},
                                                 deadline(options_.timeouts.identify));
  if (identified && !stood_in->empty()) co_await lend(*stood_in, identified->session);
  co_return identified;
}

Task<void> Flows::lend(SessionId id, ProviderSessionId provider_session) {
  (void)co_await writer_.change(std::move(id),
                                [&](Session session) { return lent(std::move(session), provider_session); });
}

Result<Session> Flows::opened(const IdentifyRequest& request, std::optional<pdi::Identified> identified) {
  Session session{.id = ports_.uuids.next_session_id(), .currency = options_.currency};
  session.store = options_.store;
  session.customer = request.customer;
  session.channel = request.channel;
  session.transaction = request.transaction;
  if (identified) {
    session.provider_session = std::move(identified->session);
    session.customer_name = std::move(identified->customer_name);
    session.current_points = identified->current_points;
    session.tier = std::move(identified->tier);
  } else {
    auto known = ports_.members.find(request.customer);
    if (!known) return failure(known);
    const standin::Member member = known->value_or(standin::Member{});
    if (member.blocked) return fail(member_blocked());
    session.customer_name = member.name;
    session.current_points = member.points;
    session.tier = member.tier;
    session.mode = Mode::standin;
  }
  session.created_at = ports_.clock.wall_now();
  session.after_restore = options_.restored_at;
  session.expires_at = writer_.aged_now() + options_.ttl;
  session.identify_answer = Answer{.status = 200, .body = render_identified(session)};
  return session;
}

// ---- calculateRewards

Task<Result<Answer>> Flows::calculate_rewards(CalculateRequest request, std::string traceparent) {
  auto turn = co_await take_turn(request.session.str());
  if (!turn) co_return failure(turn);
  auto loaded = co_await load(request.session);
  if (!loaded) co_return failure(loaded);
  SharedSession session = std::move(*loaded);
  if (session->basket == request.basket && session->calculate_answer)
    co_return replay(*session->calculate_answer);
  if (!next_status(session->status, Step::calculate)) co_return fail(out_of_order(*session));

  std::optional<pdi::Rewards> by_pdi;
  if (session->mode == Mode::online) {
    const auto call = co_await ask(ports_.clock, options_.standin,
                                   ports_.pdi.calculate({.session = session->provider_session,
                                                         .transaction_amount = request.basket.amount,
                                                         .items = request.basket.items,
                                                         .traceparent = std::move(traceparent)},
                                                        deadline(options_.timeouts.calculate)));
    if (call->reply && *call->reply) {
      by_pdi = std::move(**call->reply);
    } else if (call->reply && !may_stand_in(options_.standin, call->reply->error())) {
      co_return fail(till_error(std::move(call->reply->error())));
    }
  }
  auto priced = by_pdi ? Result<Priced>(Priced{std::move(request.basket), std::move(*by_pdi)})
                       : price_offline(*session, std::move(request.basket));
  if (!priced) co_return failure(priced);
  const auto spendable = redeemable(*session, by_pdi ? Mode::online : Mode::standin);
  if (!spendable) co_return std::unexpected(spendable.error());
  priced->redeemable = *spendable;
  session.reset();  // nobody looks at it any longer: it is not copied
  auto next = co_await writer_.change(
      request.session, [&](Session current) { return calculated(std::move(current), std::move(*priced)); });
  if (!next) co_return failure(next);
  co_return *(*next)->calculate_answer;
}

Result<Priced> Flows::price_offline(const Session& session, Basket basket) {
  const auto in_force = ports_.rules.now();
  const auto rewards = standin::price(in_force->rewards, session.tier, {basket.amount, basket.items},
                                      basket.amount, writer_.today());
  if (rewards.earned() > points_max) return fail(too_many_points("transactionAmount"));
  return Priced{std::move(basket), standin::as_told(rewards), in_force->rewards.version};
}

// ---- the rest

Task<Result<Answer>> Flows::status(SessionId id) {
  auto session = ports_.store.find(id);
  if (!session) co_return failure(session);
  if (!*session) co_return fail(Errc::not_found, "no such session");
  if (!writer_.is_old(**session)) co_return Answer{.body = render_status(**session)};

  auto turn = co_await take_turn(id.str());
  if (!turn) co_return failure(turn);
  auto lapsed = co_await load(id);
  if (!lapsed) co_return failure(lapsed);
  co_return Answer{.body = render_status(**lapsed)};
}

Task<Result<Answer>> Flows::void_session(VoidRequest request, std::string traceparent) {
  auto turn = co_await take_turn(request.session.str());
  if (!turn) co_return failure(turn);
  auto session = co_await load(request.session);
  if (!session) co_return failure(session);
  if ((*session)->status == Status::voided) co_return replay(Answer{.body = render_status(**session)});
  auto voided = co_await writer_.change(request.session, [&](Session current) {
    return abandoned(std::move(current), std::move(request.reason), std::move(traceparent),
                     ports_.clock.wall_now());
  });
  if (!voided) co_return failure(voided);
  co_return Answer{.body = render_status(**voided)};
}

}  // namespace perkline::edge::session
