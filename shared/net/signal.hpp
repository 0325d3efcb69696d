#pragma once

#include <memory>

#include "shared/core/clock.hpp"
#include "shared/net/task.hpp"

namespace perkline::net {

/// Wakes the one coroutine that waits for it; told before anybody waits, the wait returns at once. A wait
/// that is cancelled throws nothing and returns. One thread.
class Signal {
 public:
  Signal();
  ~Signal();
  void notify();
  /// Returns after the next notify(), or at once after one that nobody has waited for yet.
  Task<void> wait();
  /// No longer than to `deadline` of the machine's own clock, whatever a simulation's says: flows ask their
  /// AsyncClock. Whether it was notified.
  Task<bool> wait_until(MonoTime deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace perkline::net
