#pragma once

#include "edge/jobs/pace.hpp"
#include "edge/jobs/report.hpp"
#include "edge/session/session_writer.hpp"

namespace perkline::edge::jobs {

/// Active and calculated sessions past their time become expired. Reads those whose time is over and no
/// others; one that a till's call is at work on is left for the next time. Reactor's thread.
class Expire {
 public:
  /// All must outlive it.
  Expire(session::Ports ports, session::SessionWriter& writer, journal::Journal& journal)
      : ports_(ports), writer_(writer), journal_(journal) {}

  /// Gives `expired`. Errors: cancelled, SessionWriter's.
  Task<Result<Report>> run(Pace& pace);

 private:
  Task<Result<void>> index_older(Pace& pace);
  Task<Result<bool>> expire(SessionId id);

  session::Ports ports_;
  session::SessionWriter& writer_;
  journal::Journal& journal_;
  WallTime done_until_ = {};  ///< What was over by then has been looked at by this process.
};

}  // namespace perkline::edge::jobs
