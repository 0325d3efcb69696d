#pragma once

#include <functional>
#include <optional>

#include "edge/jobs/pace.hpp"
#include "edge/jobs/report.hpp"
#include "edge/jobs/retention.hpp"
#include "edge/session/session_writer.hpp"

namespace perkline::edge::jobs {

/// Sessions that have ended move to the archive at archive_age, where they are still found, replayed and
/// changed; `keep` after its end a session is forgotten, and its transaction's id may name another sale. So
/// is a return of another store's sale, and a claim. What has not ended never goes. Reactor's thread.
class Archive {
 public:
  /// Forgets claims of promotions that were made before `until`, at most so many; how many went.
  using ForgetClaims = std::function<Task<Result<std::size_t>>(WallTime until, std::size_t count_max)>;

  /// All must outlive it. `forget_claims` empty: there are none.
  Archive(session::SessionStore& store, session::SessionWriter& writer, days keep, ForgetClaims forget_claims)
      : store_(store), writer_(writer), keep_(keep), forget_claims_(std::move(forget_claims)) {}

  /// `last_success`: of this job. `by_hand`: a person vouches for the clock. Gives `archived`, `removed`,
  /// `returnsRemoved` and `claimsRemoved`. Errors: cancelled, SessionWriter's.
  Task<Result<Report>> run(Pace& pace, std::optional<WallTime> last_success, bool by_hand);

 private:
  Task<Result<std::uint64_t>> move(Pace& pace, WallTime now);
  Task<Result<std::uint64_t>> forget(Pace& pace, WallTime now, ClockTrust trust);
  Task<Result<std::uint64_t>> forget_returns(Pace& pace, WallTime now);
  Task<Result<std::uint64_t>> forget_claims(Pace& pace, WallTime now);

  session::SessionStore& store_;
  session::SessionWriter& writer_;
  days keep_;
  ForgetClaims forget_claims_;
};

}  // namespace perkline::edge::jobs
