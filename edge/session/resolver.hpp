#pragma once

#include <cstddef>
#include <unordered_set>

#include "edge/session/doubt.hpp"
#include "edge/session/ports.hpp"

namespace perkline::edge::session {

struct ResolverOptions {
  Millis quiet{20'000};  ///< pdi.quiet_ms
  PdiTimeouts timeouts = {};
};

/// Finds out what became of every finalize whose outcome nobody was told, and books it: by asking PDI, and by
/// sending it again only when PDI cannot have it (doubt.hpp). A session is locked only while it is worked on,
/// so that a till's retry gets through in between. Reactor's thread.
class Resolver {
 public:
  Resolver(ResolverOptions options, Ports ports);

  /// Takes on every session that the journal holds finalizing. Once, before any till is served.
  /// Errors: corrupt, newer_format, io_failed.
  Task<Result<void>> start();

  /// Takes on one more; its finalize had its last byte sent at `last_byte` or before. Returns at once.
  Task<void> take(SessionId id, MonoTime last_byte);

  /// Begins no more work and returns when what has begun is done, or at `deadline`. What is open then is
  /// found at the next start.
  Task<void> drain(MonoTime deadline);

  /// How many sessions are in doubt now.
  std::size_t open() const { return open_.size(); }

 private:
  Task<void> resolve(SessionId id, Doubt doubt);
  Task<bool> work_on(SessionId id, Doubt& doubt);
  Task<bool> ask(Session session, Doubt& doubt);
  Task<bool> send_again(Session session, Doubt& doubt);
  Task<bool> adopt(Session session, pdi::Finalized finalized);

  ResolverOptions options_;
  Ports ports_;
  std::unordered_set<SessionId> open_;
  std::size_t working_ = 0;
  bool draining_ = false;
};

}  // namespace perkline::edge::session
