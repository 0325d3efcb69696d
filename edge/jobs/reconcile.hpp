#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "edge/jobs/pace.hpp"
#include "edge/jobs/report.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/session/ports.hpp"

namespace perkline::edge::jobs {

struct ReconcileOptions {
  hours window{48};  ///< Sessions opened within it are compared.
  Millis status_timeout{3000};
  /// How long PDI may not be called before the run gives up; the next one goes on where it stood.
  seconds patience{30};
};

/// Asks PDI what has become of every session of late, one call at a time and only while tills may call too.
/// Each difference is told once: as an event, durable with the note that it was told, then to `on_difference`
/// and in the log. Reactor's thread.
class Reconcile {
 public:
  using OnDifference = std::function<void(std::string_view ours, std::string_view pdi)>;
  /// All must outlive it.
  Reconcile(session::Ports ports, journal::Journal& journal, journal::Outbox& outbox, pdi_queue::Gate gate,
            OnDifference on_difference, ReconcileOptions options);

  /// Success: all were asked. Gives `compared`, `differences` (that there are), `new` (those not told
  /// before) and `unanswered` (PDI was asked and said nothing: they count as neither). Errors: cancelled,
  /// pdi_unavailable, SessionStore's.
  Task<Result<Report>> run(Pace& pace);

 private:
  /// One look at all of them, over several runs when PDI goes away meanwhile.
  struct Pass {
    WallTime wall;
    MonoTime mono;
    std::string from = {};  ///< Where it stands.
    std::uint64_t compared = 0;
    std::uint64_t differences = 0;
    std::uint64_t news = 0;
    std::uint64_t unanswered = 0;
  };
  session::SessionStore::Period window() const;
  Task<Result<void>> compare(SessionId id, Pace& pace);
  Task<Result<void>> until_open(Pace& pace, MonoTime give_up);
  Task<Result<void>> note(session::Session session, std::string pdi);
  Task<Result<void>> forget_told();

  session::Ports ports_;
  journal::Journal& journal_;
  journal::Outbox& outbox_;
  pdi_queue::Gate gate_;
  OnDifference on_difference_;
  ReconcileOptions options_;
  std::optional<Pass> pass_;
};

}  // namespace perkline::edge::jobs
