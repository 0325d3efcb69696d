#pragma once

#include <functional>
#include <optional>
#include <unordered_set>

#include "edge/session/outcome.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/session_writer.hpp"

namespace perkline::edge::session {

/// The one place from which finalize leaves for PDI. Reactor's thread.
class Finalizer {
 public:
  /// `writer` must outlive it, as all of `ports`.
  Finalizer(Ports ports, SessionWriter& writer, bool standin)
      : ports_(ports), writer_(writer), standin_(standin) {}

  struct Sent {
    SharedSession session;  ///< As committed.
    /// Why the till's sale has not been taken on; the session is calculated again.
    std::optional<Error> error = std::nullopt;
    std::optional<Millis> retry_after = std::nullopt;  ///< For how long PDI asked not to be called.
  };

  /// Whether a sale that did not leave may be queued; why not, when not.
  using MayQueue = std::function<Result<void>(const Session& session)>;

  /// Calls PDI for `session`, which has just been committed as finalizing, and commits its outcome.
  /// `waiting`: what to tell the till that waits for this call, unless it has been told meanwhile; nullopt:
  /// none waits. `may_queue` is asked as the outcome is committed, when PDI has not answered; null: it may.
  /// Errors: SessionWriter's.
  Task<Result<Sent>> send(SharedSession session, pdi::Pdi& pdi, MonoTime deadline,
                          std::optional<Acknowledgement> waiting, MayQueue may_queue);

  /// Whether a finalize of that session is out now: its outcome is awaited here.
  bool is_sending(const SessionId& id) const { return sending_.contains(id); }

 private:
  Ports ports_;
  SessionWriter& writer_;
  bool standin_;
  std::unordered_set<SessionId> sending_;
};

}  // namespace perkline::edge::session
