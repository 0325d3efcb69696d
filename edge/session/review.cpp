#include "edge/session/review.hpp"

#include "edge/session/outcome.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::session {
namespace {

void audit(Session& session, const std::string& decision, const std::string& actor, WallTime now) {
  session.metadata.emplace_back("audit", format_time(now) + ' ' + decision + " by " + actor);
}

void log_decision(const char* what, const SessionId& id, const std::string& actor) {
  ops::log(ops::Level::warn, "review", what, {{"sessionId", id.str()}, {"actor", actor}});
}

}  // namespace

Task<Result<Session>> retry_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                   std::string actor) {
  auto done = co_await writer.change(id, [&](Session session) -> Result<Outcome> {
    const WallTime now = clock.wall_now();
    audit(session, "retried", actor, now);
    auto next = reopened(std::move(session), now);
    if (!next) return failure(next);
    return Outcome{.session = std::move(*next)};
  });
  if (done) log_decision("a sale in review is tried again", id, actor);
  co_return done;
}

Task<Result<Session>> discard_review(SessionWriter& writer, const Clock& clock, SessionId id,
                                     std::string reason, std::string actor) {
  auto done = co_await writer.change(id, [&](Session session) {
    const WallTime now = clock.wall_now();
    audit(session, "discarded", actor, now);
    return discarded(std::move(session), reason, now);
  });
  if (done) log_decision("a sale in review is discarded", id, actor);
  co_return done;
}

}  // namespace perkline::edge::session
