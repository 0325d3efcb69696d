#include "edge/session/sale_log.hpp"

#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::session {

std::string_view what_became(Status before, const Outcome& outcome) {
  if (!outcome.event) {
    const bool refused = outcome.session.status == Status::failed && before != Status::failed;
    return refused ? "sale refused" : "";
  }
  if (std::holds_alternative<sync::SaleFinalized>(*outcome.event)) return "sale finalized";
  if (std::holds_alternative<sync::SalePending>(*outcome.event)) return "sale pending";
  if (std::holds_alternative<sync::SaleSettled>(*outcome.event)) return "sale settled";
  if (std::holds_alternative<sync::SaleRejected>(*outcome.event)) return "sale rejected";
  return "";
}

std::optional<WallTime> asked_at(const Session& session) {
  return session.pending_at ? session.pending_at : session.next_attempt_at;
}

void log_sale(std::string_view what, const Session& session, Millis since_asked) {
  if (!ops::log_enabled(ops::Level::info)) return;
  ops::log(ops::Level::info, "session", what,
           {{"sessionId", session.id.str()},
            {"transactionId", session.transaction.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"mode", wire_name(session.mode)},
            {"earnedPoints", session.earned.count},
            {"duration", since_asked.count()},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

}  // namespace perkline::edge::session
