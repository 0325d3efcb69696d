#include "edge/session/finalizer.hpp"

#include "edge/session/till_error.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::session {

Task<Result<Finalizer::Sent>> Finalizer::send(SharedSession session, pdi::Pdi& pdi, MonoTime deadline,
                                              std::optional<Acknowledgement> waiting, MayQueue may_queue) {
  sending_.insert(session->id);
  auto reply = co_await pdi.finalize({.session = session->provider_session,
                                      .transaction = session->transaction,
                                      .final_amount = session->sale->final_amount,
                                      .apply_rewards = session->sale->apply_rewards,
                                      .redeem = session->sale->redeem,
                                      .traceparent = session->traceparent},
                                     deadline);
  Result<void> may;
  const SessionId id =
      std::exchange(session, nullptr)->id;  // nobody looks at it any longer: it is not copied
  auto done = co_await writer_.change(id, [&](Session current) {
    if (!reply && standin_ && may_queue) may = may_queue(current);
    return concluded(std::move(current), reply, ports_.clock.wall_now(), waiting, standin_ && may,
                     ports_.rules.now()->receipt);
  });
  sending_.erase(id);
  if (!done) {
    ops::log(ops::Level::error, "session", "PDI's word on a sale cannot be kept",
             {{"sessionId", id.str()}, {"error", name_of(done.error().code)}});
    co_return failure(done);
  }
  Sent sent{.session = std::move(*done)};
  if (!reply) sent.retry_after = reply.error().error.retry_after;
  if (sent.session->status == Status::calculated)
    sent.error = may ? till_error(std::move(reply.error())) : std::move(may.error());
  co_return sent;
}

}  // namespace perkline::edge::session
