#include "edge/jobs/retention.hpp"

#include <algorithm>

namespace perkline::edge::jobs {
namespace {

/// When something last happened to it.
WallTime ended_at(const session::Session& session) {
  WallTime time = std::max(session.created_at, session.finalized_at.value_or(session.created_at));
  for (const session::Return& goods : session.returns) time = std::max(time, goods.returned_at);
  return time;
}

}  // namespace

bool may_archive(const session::Session& session, WallTime now) {
  return session::is_end(session.status) && now - ended_at(session) >= archive_age;
}

bool may_forget(const session::Kept& kept, WallTime now, days keep, ClockTrust trust) {
  if (trust == ClockTrust::none || !kept.archived_at || !session::is_end(kept.session.status)) return false;
  WallTime since = ended_at(kept.session);
  if (trust == ClockTrust::usual && *kept.archived_at <= now)
    since = std::max(since, *kept.archived_at - archive_age);
  return now - since >= keep;
}

ClockTrust trust_in(WallTime now, std::optional<WallTime> last_success) {
  const bool agrees = last_success && std::chrono::abs(now - *last_success) <= clock_agreement;
  return agrees ? ClockTrust::usual : ClockTrust::none;
}

}  // namespace perkline::edge::jobs
