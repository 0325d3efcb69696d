#include "edge/session/outcome.hpp"

#include "edge/session/answers.hpp"
#include "shared/core/assert.hpp"

namespace perkline::edge::session {

Result<Booked> booked(Session session, const pdi::Finalized& finalized, WallTime now) {
  auto done = take_step(std::move(session), Step::committed);
  if (!done) return failure(done);
  PERKLINE_ASSERT(done->sale.has_value());
  done->earned = finalized.earned;
  done->redeemed = finalized.redeemed;
  done->new_balance = finalized.new_balance;
  done->receipt = finalized.receipt;
  done->finalized_at = now;
  done->next_attempt_at.reset();
  done->finalize_answer = Answer{.status = 200, .body = render_finalized(*done)};

  sync::SaleFinalized event{.session = done->id,
                            .transaction = done->transaction,
                            .customer = done->customer,
                            .channel = done->channel,
                            .amount = done->sale->final_amount,
                            .earned = done->earned,
                            .redeemed = done->redeemed,
                            .new_balance = finalized.new_balance,
                            .tier = done->tier,
                            .receipt = done->receipt,
                            .rules_version = "",
                            .finalized_at = now};
  return Booked{std::move(*done), std::move(event)};
}

Result<Session> refused(Session session, ProviderFault refusal, std::string problem) {
  auto done = take_step(std::move(session), Step::rejected);
  if (!done) return done;
  done->earned = {};
  done->refusal = std::move(refusal);
  done->next_attempt_at.reset();
  done->finalize_answer = Answer{.status = http_status(Errc::pdi_rejected), .body = std::move(problem)};
  return done;
}

Result<Session> not_sent(Session session) {
  auto back = take_step(std::move(session), Step::not_sent);
  if (!back) return back;
  back->sale.reset();
  back->attempts = 0;
  back->next_attempt_at.reset();
  return back;
}

Result<Session> recounted(Session session, std::uint32_t attempts) {
  auto next = take_step(std::move(session), Step::recount);
  if (next) next->attempts = attempts;
  return next;
}

}  // namespace perkline::edge::session
