#include "edge/session/outcome.hpp"

#include "edge/session/answers.hpp"
#include "edge/session/returns.hpp"
#include "shared/core/assert.hpp"

namespace perkline::edge::session {
namespace {

void acknowledge(Session& session, const Acknowledgement& told) {
  session.acknowledged = true;
  session.pending_at = told.now;
  session.earned = told.provisional;
  session.redeemed = session.sale->redeem.value_or(Points{});
  session.new_balance = told.balance;
  session.receipt = told.receipt;
  if (told.by_standin) session.mode = Mode::standin;
  if (told.rules_version) session.rules_version = *told.rules_version;
  session.receipt_lines = told.form.lines(receipt_facts(session, true));
}

sync::SalePending pending_event(const Session& session) {
  return {.session = session.id,
          .transaction = session.transaction,
          .customer = session.customer,
          .channel = session.channel,
          .amount = session.sale->final_amount,
          .earned = session.earned,
          .redeemed = session.redeemed,
          .tier = session.tier,
          .receipt = session.receipt,
          .rules_version = session.rules_version,
          .pending_at = *session.pending_at};
}

sync::SaleFinalized finalized_event(const Session& session) {
  return {.session = session.id,
          .transaction = session.transaction,
          .customer = session.customer,
          .channel = session.channel,
          .amount = session.sale->final_amount,
          .earned = session.earned,
          .redeemed = session.redeemed,
          .new_balance = *session.new_balance,
          .tier = session.tier,
          .receipt = session.receipt,
          .rules_version = session.rules_version,
          .finalized_at = *session.finalized_at};
}

/// Its place in `due` tells since when it waits, however often it is tried meanwhile.
void wait_since(Session& session, WallTime time) {
  if (!session.next_attempt_at) session.next_attempt_at = time;
}

/// Of a session whose step is taken already: a till that waits is told 202 in the same batch.
Outcome pending(Session session, WallTime now, const std::optional<Acknowledgement>& waiting) {
  wait_since(session, now);
  if (!waiting || session.acknowledged) return {.session = std::move(session)};
  acknowledge(session, *waiting);
  sync::EventPayload event = pending_event(session);
  return {.session = std::move(session), .event = std::move(event)};
}

/// The till is refused, and is refused again whenever it asks. `refusal` nullopt: not by PDI.
void refuse(Session& session, std::optional<ProviderFault> refusal) {
  session.earned = {};
  session.redeemed = {};
  session.new_balance.reset();
  session.refusal = std::move(refusal);
  session.next_attempt_at.reset();
  session.receipt_lines.reset();
  session.finalize_answer = refusal_answer(session);
}

Result<Outcome> not_sent(Session session, WallTime now, const std::optional<Acknowledgement>& waiting,
                         bool standin) {
  --session.attempts;
  // It was sent before: that this attempt stayed here says nothing about the earlier ones.
  const bool sent_before = session.attempts > 0;
  const bool kept = sent_before || session.acknowledged || standin;
  auto next = take_step(std::move(session), sent_before ? Step::lost : kept ? Step::enqueue : Step::not_sent);
  if (!next) return failure(next);
  if (kept) return pending(std::move(*next), now, waiting);
  next->sale.reset();
  next->next_attempt_at.reset();
  return Outcome{.session = std::move(*next)};
}

Result<Outcome> rejected(Session session, const ProviderFault& refusal, WallTime now) {
  // A refusal may refuse the doubling of what an earlier attempt has booked: the status decides.
  if (session.attempts > 1) {
    auto doubted = lost(std::move(session), now);
    if (!doubted) return failure(doubted);
    return Outcome{.session = std::move(*doubted)};
  }
  if (session.acknowledged) {
    auto open = referred(std::move(session), "PDI refuses the sale", refusal);
    if (!open) return failure(open);
    return Outcome{.session = std::move(*open)};
  }
  auto failed = take_step(std::move(session), Step::rejected);
  if (!failed) return failure(failed);
  refuse(*failed, refusal);
  return Outcome{.session = std::move(*failed)};
}

}  // namespace

Result<Outcome> calculated(Session session, Priced priced) {
  auto next = take_step(std::move(session), Step::calculate);
  if (!next) return failure(next);
  next->basket = std::move(priced.basket);
  next->priced_at_pdi = !priced.rules_version;
  if (priced.rules_version) next->mode = Mode::standin;
  next->rules_version = std::move(priced.rules_version).value_or("");
  next->earned = priced.rewards.earned;
  next->calculate_answer = Answer{.status = 200, .body = render_rewards(priced.rewards, priced.redeemable)};
  return Outcome{.session = std::move(*next)};
}

Result<Outcome> lent(Session session, ProviderSessionId provider_session) {
  const bool of_use = session.status == Status::active || session.status == Status::calculated ||
                      session.status == Status::queued;
  if (!of_use || !session.provider_session.empty()) return fail(Errc::session_state, "of no use any more");
  auto next = take_step(std::move(session), Step::note);
  if (!next) return failure(next);
  next->provider_session = std::move(provider_session);
  return Outcome{.session = std::move(*next)};
}

Result<Outcome> expired(Session session) {
  auto next = take_step(std::move(session), Step::expire);
  if (!next) return failure(next);
  next->earned = {};
  return Outcome{.session = std::move(*next)};
}

Result<Outcome> acknowledged(Session session, const Acknowledgement& told) {
  if (session.acknowledged) return fail(Errc::session_state, "the till has been told");
  auto next = take_step(std::move(session), Step::note);
  if (!next) return failure(next);
  PERKLINE_ASSERT(next->sale.has_value());
  acknowledge(*next, told);
  sync::EventPayload event = pending_event(*next);
  return Outcome{.session = std::move(*next), .event = std::move(event)};
}

Result<Outcome> enqueued(Session session, Sale sale, std::string traceparent, const Acknowledgement& told) {
  auto next = take_step(std::move(session), Step::enqueue);
  if (!next) return failure(next);
  next->sale = sale;
  next->traceparent = std::move(traceparent);
  return pending(std::move(*next), told.now, told);
}

Result<Session> sending(Session session, WallTime now) {
  const Step step = session.status == Status::calculated ? Step::finalize : Step::send;
  auto next = take_step(std::move(session), step);
  if (!next) return next;
  ++next->attempts;
  wait_since(*next, now);
  return next;
}

Result<Outcome> concluded(Session session, const pdi::Reply<pdi::Finalized>& reply, WallTime now,
                          const std::optional<Acknowledgement>& waiting, bool standin,
                          const rules::ReceiptForm& form) {
  PERKLINE_ASSERT(session.attempts > 0);
  if (reply) return booked(std::move(session), *reply, now, form);
  const pdi::Failure& why = reply.error();
  if (why.outcome == pdi::Outcome::rejected)
    return rejected(std::move(session), why.error.provider.value_or(ProviderFault{}), now);
  if (!why.may_have_been_sent) return not_sent(std::move(session), now, waiting, standin);
  auto next = lost(std::move(session), now);
  if (!next) return failure(next);
  return pending(std::move(*next), now, waiting);
}

Result<Outcome> booked(Session session, const pdi::Finalized& finalized, WallTime now,
                       const rules::ReceiptForm& form) {
  auto done = take_step(std::move(session), Step::committed);
  if (!done) return failure(done);
  PERKLINE_ASSERT(done->sale.has_value());
  done->earned = finalized.earned;
  done->redeemed = finalized.redeemed;
  done->new_balance = finalized.new_balance;
  done->receipt = finalized.receipt;
  done->finalized_at = now;
  done->next_attempt_at.reset();
  done->receipt_lines.reset();
  done->finalize_answer = Answer{.status = 200, .body = render_finalized(*done, form)};
  const std::int64_t owed = work_out_returns(*done);
  sync::SaleFinalized sale = finalized_event(*done);
  sync::EventPayload event = std::move(sale);
  if (done->acknowledged) event = sync::SaleSettled{std::get<sync::SaleFinalized>(std::move(event))};
  return Outcome{.session = std::move(*done), .event = std::move(event), .owed = owed};
}

Result<Session> lost(Session session, WallTime now) {
  auto next = take_step(std::move(session), Step::lost);
  if (next) wait_since(*next, now);
  return next;
}

Result<Session> referred(Session session, std::string reason, std::optional<ProviderFault> refusal) {
  auto next = take_step(std::move(session), Step::refer);
  if (!next) return next;
  next->reason = std::move(reason);
  next->refusal = std::move(refusal);
  next->next_attempt_at.reset();
  return next;
}

Result<Session> reopened(Session session) {
  // The machine's steps are those of tills too: by them a basket would be queued that was never sold.
  if (session.status != Status::review) return fail(Errc::session_state, "no person's to decide");
  auto next = take_step(session, session.attempts > 0 ? Step::lost : Step::enqueue);
  if (!next) return next;
  next->reason.clear();
  next->refusal.reset();
  wait_since(*next, next->pending_at.value_or(next->created_at));
  return next;
}

Result<Outcome> discarded(Session session, std::string reason, WallTime now) {
  auto next = take_step(std::move(session), Step::discard);
  if (!next) return failure(next);
  refuse(*next, next->refusal);
  next->reason = std::move(reason);
  (void)work_out_returns(*next);
  if (!next->acknowledged) return Outcome{.session = std::move(*next)};
  sync::SaleRejected event{.session = next->id,
                           .transaction = next->transaction,
                           .customer = next->customer,
                           .pdi_code = next->refusal ? next->refusal->code : std::string(),
                           .reason = next->reason,
                           .rejected_at = now};
  return Outcome{.session = std::move(*next), .event = std::move(event)};
}

Result<Outcome> abandoned(Session session, std::string reason, std::string traceparent, WallTime now) {
  auto next = take_step(std::move(session), Step::abandon);
  if (!next) return failure(next);
  next->earned = {};
  next->reason = std::move(reason);
  sync::SessionVoided event{.session = next->id,
                            .transaction = next->transaction,
                            .customer = next->customer,
                            .channel = next->channel,
                            .reason = next->reason,
                            .voided_at = now};
  return Outcome{
      .session = std::move(*next), .event = std::move(event), .traceparent = std::move(traceparent)};
}

}  // namespace perkline::edge::session
