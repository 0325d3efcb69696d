#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/pdi_queue/paced_pdi.hpp"
#include "edge/pdi_queue/schedule.hpp"
#include "edge/session/finalizer.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/session_writer.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::edge::pdi_queue {

/// When settlement may call PDI, as the breaker sees it.
struct Gate {
  /// Now or earlier: at once.
  std::function<MonoTime()> open_at;
  /// Whether tills may call PDI too; while they may not, settlement's calls are probes, one at a time.
  std::function<bool()> is_closed;
  /// Whether a call that failed before may be made once more; counted as made.
  std::function<bool()> may_retry = [] { return true; };
  /// Whether no sale may be settled for now: PDI is only probed.
  std::function<bool()> is_held = [] { return false; };
};

struct PdiQueueOptions {
  Millis quiet{20'000};  ///< pdi.quiet_ms
  session::PdiTimeouts timeouts = {};
  std::size_t known_max = 10'000;  ///< Sessions held in memory; the others wait on disk.
};

/// Settles with PDI whatever tills were told is pending: finds out what became of each finalize nobody knows
/// the end of, sends the sales PDI has yet to be told of, oldest first, and probes PDI while it is out
/// (edge.md). What cannot be settled is left to a person. Reactor's thread.
class PdiQueue {
 public:
  /// `writer`, `finalizer` and `rng` must outlive it, as all of `ports`.
  PdiQueue(PdiQueueOptions options, session::Ports ports, session::SessionWriter& writer,
           session::Finalizer& finalizer, Gate gate, Rng& rng);

  /// Looks what the journal holds. Before any till is served. Errors: corrupt, io_failed.
  Result<void> start();
  /// Works until drain().
  Task<void> run();
  /// Begins no more work; returns when what has begun is done, or at `deadline`.
  Task<void> drain(MonoTime deadline);

  /// One more to settle; a finalize of it had its last byte sent by `last_byte`.
  void add(const SessionId& id, MonoTime last_byte);
  /// How many wait for PDI.
  std::size_t depth() const { return ports_.store.waiting_count(); }

  /// A person's decisions about a session in review; `actor` says who, `reason` why. Durable when they
  /// return. Errors: not_found, session_state, SessionStore's.
  Task<Result<void>> retry(SessionId id, std::string actor);
  Task<Result<void>> discard(SessionId id, std::string reason, std::string actor);

 private:
  /// What is to become of an entry after some work.
  struct Next {
    std::optional<MonoTime> due;  ///< nullopt: it is done with.
    bool refused = false;         ///< There was no place for its call, nor would be for another one's.
  };

  Result<void> refill();
  std::optional<SessionId> take_due();
  Task<void> begin_work();
  Task<void> wait_for_work();
  Task<void> work(SessionId id);
  Task<void> probe();
  Task<Next> work_on(SessionId id);
  Task<Next> ask(session::Session session);
  Task<Next> settle(session::Session session);
  Task<Next> send(session::Session session);
  Task<Next> refer(SessionId id, std::string reason, std::optional<ProviderFault> refusal);
  Task<Next> put_off(session::Session session, pdi::Failure why);
  Next after(const session::Finalizer::Sent& sent);
  Next refused(const pdi::Failure& why) const;
  MonoTime open_at() const { return std::max(gate_.open_at(), refused_until_); }
  Millis patience(std::optional<Millis> retry_after);
  MonoTime now() const { return ports_.clock.mono_now(); }
  void finish_work();

  PdiQueueOptions options_;
  session::Ports ports_;
  session::SessionWriter& writer_;
  session::Finalizer& finalizer_;
  Gate gate_;
  Rng& rng_;
  PacedPdi pdi_;
  Schedule schedule_;
  std::string scanned_to_;  ///< Where the next look at the disk goes on.
  bool all_known_ = false;  ///< That look has reached the end, and nothing has come behind it.
  bool passed_by_ = false;  ///< Something may have: another look is due once this one ends.
  ProviderSessionId last_provider_session_;  ///< To probe with.
  MonoTime next_probe_{};
  MonoTime refused_until_{};  ///< Calls would find no place, unless one of ours ends before.
  std::size_t working_ = 0;
  bool was_closed_ = true;      ///< The gate, when it was last looked at.
  ops::StandingFaults faults_;  ///< Of reading the queue.
  bool draining_ = false;
  std::shared_ptr<net::Signal> wake_ = std::make_shared<net::Signal>();
};

}  // namespace perkline::edge::pdi_queue
