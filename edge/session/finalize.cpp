#include "edge/session/answers.hpp"
#include "edge/session/flows.hpp"
#include "edge/session/outcome.hpp"
#include "edge/session/till_error.hpp"
#include "shared/net/http.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

/// finalize: the intent is journalled, PDI is called, its word is journalled, the till is told.
namespace perkline::edge::session {
namespace {

using ops::Level;

void log_booked(const Session& session, std::chrono::nanoseconds took) {
  if (!ops::log_enabled(Level::info)) return;
  ops::log(Level::info, "session", "PDI has booked the sale",
           {{"sessionId", session.id.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"earnedPoints", session.earned.count},
            {"duration", std::chrono::duration<double, std::milli>(took).count()},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

}  // namespace

Task<Result<Answer>> Flows::finalize(FinalizeRequest request, std::string traceparent) {
  const MonoTime began = ports_.clock.mono_now();
  auto turn = co_await take_turn(request.session.str());
  if (!turn) co_return failure(turn);
  auto session = co_await load(request.session);
  if (!session) co_return failure(session);
  if (auto right = check_transaction(*session, request.transaction); !right) co_return failure(right);
  if (auto before = settled_before(*session, request)) co_return std::move(*before);
  if (auto may = may_finalize(*session, request); !may) co_return failure(may);

  auto intent = co_await journal_intent(std::move(*session), std::move(request.sale), std::move(traceparent));
  if (!intent) co_return failure(intent);
  auto reply = co_await ports_.pdi.finalize({.session = intent->provider_session,
                                             .transaction = intent->transaction,
                                             .final_amount = intent->sale->final_amount,
                                             .apply_rewards = intent->sale->apply_rewards,
                                             .redeem = intent->sale->redeem},
                                            deadline(options_.timeouts.finalize));
  const SessionId id = intent->id;
  const MonoTime last_byte = ports_.clock.mono_now();
  auto answer = co_await conclude(std::move(*intent), std::move(reply), began);
  if (!answer && is_finalizing(id)) co_await resolver_.take(id, last_byte);
  co_return answer;
}

/// A finalize names the sale twice, by session and by transaction: both must mean the same.
Result<void> Flows::check_transaction(const Session& session, const TransactionId& transaction) const {
  if (session.transaction == transaction) return {};
  auto other = ports_.store.find(transaction);
  if (!other) return failure(other);
  if (*other) return fail(transaction_reused());
  return fail(Error{.code = Errc::validation_failed,
                    .detail = "the request has faults",
                    .faults = {{"transactionId", "is not the session's"}}});
}

/// What the till is told when this sale has been asked for before; nullopt: it has not.
std::optional<Result<Answer>> Flows::settled_before(const Session& session,
                                                    const FinalizeRequest& request) const {
  if (!session.sale) return std::nullopt;
  if (*session.sale != request.sale) return fail(transaction_reused());
  if (session.finalize_answer) return replay(*session.finalize_answer);
  return fail(awaiting_pdi());
}

Result<void> Flows::may_finalize(const Session& session, const FinalizeRequest& request) const {
  if (!next_status(session.status, Step::finalize)) {
    return fail(Errc::session_state, "the session is " + std::string(wire_name(session)));
  }
  if (request.sale.redeem.value_or(Points{}) > session.current_points) {
    return fail(Errc::redemption_limit,
                "the member has " + std::to_string(session.current_points.count) + " points");
  }
  return {};
}

Task<Result<Session>> Flows::journal_intent(Session session, Sale sale, std::string traceparent) {
  auto intent = take_step(std::move(session), Step::finalize);
  if (!intent) co_return intent;
  intent->sale = std::move(sale);
  intent->attempts = 1;
  intent->next_attempt_at = ports_.clock.wall_now() + options_.timeouts.finalize;
  intent->traceparent = std::move(traceparent);
  if (auto kept = co_await ports_.store.commit(*intent); !kept) co_return failure(kept);
  co_return intent;
}

Task<Result<Answer>> Flows::conclude(Session session, pdi::Reply<pdi::Finalized> reply, MonoTime began) {
  if (reply) {
    auto done = booked(std::move(session), *reply, ports_.clock.wall_now());
    if (!done) co_return failure(done);
    std::vector<journal::NewEvent> events;
    events.push_back(new_event(ports_, done->session.traceparent, std::move(done->event)));
    log_booked(done->session, ports_.clock.mono_now() - began);
    co_return co_await keep(std::move(done->session), std::move(events));
  }
  pdi::Failure why = std::move(reply.error());
  if (why.outcome == pdi::Outcome::rejected) {
    const ProviderFault words = why.error.provider.value_or(ProviderFault{});
    const std::string traceparent = session.traceparent;
    const Error told = till_error(std::move(why));
    auto done = refused(std::move(session), words, net::problem_response(told, traceparent).body);
    if (!done) co_return failure(done);
    co_return co_await keep(std::move(*done), {});
  }
  if (why.may_have_been_sent) co_return fail(till_error(std::move(why)));
  auto back = not_sent(std::move(session));
  if (!back) co_return failure(back);
  if (auto kept = co_await ports_.store.commit(std::move(*back)); !kept) co_return failure(kept);
  co_return fail(till_error(std::move(why)));
}

/// Whatever kept the outcome out of the journal: what cannot be read is no less in doubt.
bool Flows::is_finalizing(const SessionId& id) const {
  const auto session = ports_.store.find(id);
  return !session || (*session && (*session)->status == Status::finalizing);
}

/// Commits a session that has its answer, then gives that.
Task<Result<Answer>> Flows::keep(Session done, std::vector<journal::NewEvent> events) {
  Answer answer = *done.finalize_answer;
  if (auto kept = co_await ports_.store.commit(std::move(done), std::move(events)); !kept)
    co_return failure(kept);
  co_return answer;
}

}  // namespace perkline::edge::session
