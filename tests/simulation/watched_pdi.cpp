#include "tests/simulation/watched_pdi.hpp"

namespace perkline::simulation {

using pdi::BreakerState;

void WatchedCalls::look(bool by_till) {
  const BreakerState is = guard_->state();
  const bool probe = is == BreakerState::half_open && !by_till;
  trace_.check(is == BreakerState::closed || probe,
               by_till ? "tills call PDI only while the breaker is closed"
                       : "nobody calls PDI while the breaker is open",
               store_ + " " + std::string(name_of(is)));
}

template <class T>
Task<pdi::Reply<T>> WatchedCalls::counted(Task<pdi::Reply<T>> call) {
  ++under_way_;
  auto reply = co_await std::move(call);
  --under_way_;
  co_return reply;
}

Task<pdi::Reply<pdi::Identified>> WatchedCalls::identify(pdi::IdentifyCall call, MonoTime deadline) {
  look(call.traceparent == till_mark);
  call.traceparent.clear();
  return counted(pdi_.identify(std::move(call), deadline));
}
Task<pdi::Reply<pdi::Rewards>> WatchedCalls::calculate(pdi::CalculateCall call, MonoTime deadline) {
  look(call.traceparent == till_mark);
  call.traceparent.clear();
  return counted(pdi_.calculate(std::move(call), deadline));
}
Task<pdi::Reply<pdi::Finalized>> WatchedCalls::finalize(pdi::FinalizeCall call, MonoTime deadline) {
  look(call.traceparent == till_mark);
  call.traceparent.clear();
  return counted(pdi_.finalize(std::move(call), deadline));
}
Task<pdi::Reply<pdi::SessionStatus>> WatchedCalls::status(pdi::StatusCall call, MonoTime deadline) {
  look(call.traceparent == till_mark);
  call.traceparent.clear();
  return counted(pdi_.status(std::move(call), deadline));
}

/// A half-open breaker may keep callers away for one call at a time, and never for none.
template <class T>
Task<pdi::Reply<T>> WatchedCaller::told(Task<pdi::Reply<T>> call) {
  auto reply = co_await std::move(call);
  if (!reply && reply.error().outcome == pdi::Outcome::not_tried && watch_.mark != till_mark &&
      watch_.calls.under_way() == 0 && watch_.guard.open_at() <= watch_.clock.mono_now()) {
    watch_.trace.check(watch_.guard.state() != BreakerState::half_open,
                       "a half-open breaker without a call under way lets one through", watch_.store);
  }
  co_return reply;
}

Task<pdi::Reply<pdi::Identified>> WatchedCaller::identify(pdi::IdentifyCall call, MonoTime deadline) {
  call.traceparent = watch_.mark;
  return told(view_.identify(std::move(call), deadline));
}
Task<pdi::Reply<pdi::Rewards>> WatchedCaller::calculate(pdi::CalculateCall call, MonoTime deadline) {
  call.traceparent = watch_.mark;
  return told(view_.calculate(std::move(call), deadline));
}
Task<pdi::Reply<pdi::Finalized>> WatchedCaller::finalize(pdi::FinalizeCall call, MonoTime deadline) {
  call.traceparent = watch_.mark;
  if (watch_.plant == Plant::blind_finalize_retry || watch_.plant == Plant::lost_answer_is_unsent)
    return finalize_wrongly(std::move(call), deadline);
  return told(view_.finalize(std::move(call), deadline));
}
Task<pdi::Reply<pdi::SessionStatus>> WatchedCaller::status(pdi::StatusCall call, MonoTime deadline) {
  if (watch_.plant == Plant::unasked_resend) return call_it_open();
  call.traceparent = watch_.mark;
  return told(view_.status(std::move(call), deadline));
}

Task<pdi::Reply<pdi::Finalized>> WatchedCaller::finalize_wrongly(pdi::FinalizeCall call, MonoTime deadline) {
  auto reply = co_await view_.finalize(call, deadline);
  if (reply || reply.error().outcome != pdi::Outcome::unavailable) co_return reply;
  if (watch_.plant == Plant::blind_finalize_retry)
    co_return co_await view_.finalize(std::move(call), deadline);
  reply.error().may_have_been_sent = false;
  co_return reply;
}

Task<pdi::Reply<pdi::SessionStatus>> WatchedCaller::call_it_open() {
  co_return pdi::SessionStatus{.status = "calculated", .finalized = std::nullopt};
}

}  // namespace perkline::simulation
