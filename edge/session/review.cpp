#include "edge/session/review.hpp"

#include "edge/session/outcome.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::session {
namespace {

void log_decision(const char* what, const Session& session) {
  const Decision& decision = session.audit.back();
  ops::log(ops::Level::warn, "review", what,
           {{"sessionId", session.id.str()},
            {"transactionId", session.transaction.str()},
            {"actor", decision.actor},
            {"reason", decision.reason},
            {"traceId", ops::trace_id_of(session.traceparent)},
            {"spanId", ops::span_id_of(session.traceparent)}});
}

}  // namespace

Task<Result<SharedSession>> retry_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                         std::string actor) {
  auto done = co_await writer.change(id, [&](Session session) -> Result<Outcome> {
    session.audit.push_back({.at = clock.wall_now(), .kind = DecisionKind::retried, .actor = actor});
    auto next = reopened(std::move(session));
    if (!next) return failure(next);
    return Outcome{.session = std::move(*next)};
  });
  if (done) log_decision("a sale in review is tried again", **done);
  co_return done;
}

Task<Result<SharedSession>> discard_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                           std::string reason, std::string actor) {
  auto done = co_await writer.change(id, [&](Session session) {
    const WallTime now = clock.wall_now();
    session.audit.push_back({.at = now, .kind = DecisionKind::discarded, .actor = actor, .reason = reason});
    return discarded(std::move(session), reason, now);
  });
  if (done) log_decision("a sale in review is discarded", **done);
  co_return done;
}

}  // namespace perkline::edge::session
