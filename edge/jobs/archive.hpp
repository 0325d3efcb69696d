#pragma once

#include <optional>

#include "edge/jobs/pace.hpp"
#include "edge/jobs/report.hpp"
#include "edge/jobs/retention.hpp"
#include "edge/session/session_writer.hpp"

namespace perkline::edge::jobs {

/// Sessions that have ended move to the archive at archive_age, where they are still found, replayed and
/// changed; `keep` after its end a session is forgotten, and its transaction's id may name another sale. So
/// is a return of another store's sale. What has not ended never goes. Reactor's thread.
class Archive {
 public:
  /// All must outlive it.
  Archive(session::SessionStore& store, session::SessionWriter& writer, days keep)
      : store_(store), writer_(writer), keep_(keep) {}

  /// `last_success`: of this job. `by_hand`: a person vouches for the clock. Gives `archived`, `removed` and
  /// `returnsRemoved`. Errors: cancelled, SessionWriter's.
  Task<Result<Report>> run(Pace& pace, std::optional<WallTime> last_success, bool by_hand);

 private:
  Task<Result<std::uint64_t>> move(Pace& pace, WallTime now);
  Task<Result<std::uint64_t>> forget(Pace& pace, WallTime now, ClockTrust trust);
  Task<Result<std::uint64_t>> forget_returns(Pace& pace, WallTime now);

  session::SessionStore& store_;
  session::SessionWriter& writer_;
  days keep_;
};

}  // namespace perkline::edge::jobs
