#pragma once

#include <functional>

#include "edge/journal/outbox.hpp"
#include "edge/journal/space.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::edge {

/// Makes room before a till is refused: what the hub has acknowledged goes when the disk gets full, oldest
/// first, however young it is. What the hub has not is never touched. Reactor's thread.
class StorageKeeper {
 public:
  /// `compact` gives back the room of what was removed, sometime. All must outlive the keeper.
  StorageKeeper(const journal::Space& space, journal::Outbox& outbox, net::AsyncClock& clock,
                std::function<void()> compact)
      : space_(space), outbox_(outbox), clock_(clock), compact_(std::move(compact)) {}

  /// For as long as the daemon lives.
  Task<void> run();

 private:
  const journal::Space& space_;
  journal::Outbox& outbox_;
  net::AsyncClock& clock_;
  std::function<void()> compact_;
  ops::StandingFaults faults_;
};

}  // namespace perkline::edge
