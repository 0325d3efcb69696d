#pragma once

#include <memory>

#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"

namespace perkline::net {

/// Waits for signals whose deadlines hardly ever come: all who wait share one timer. A deadline of one's own
/// is a timer, two coroutines and an exception for each. One thread.
class Patience {
 public:
  struct State;

  /// `clock` must outlive this.
  explicit Patience(AsyncClock& clock);
  ~Patience();
  /// Returns after the signal's notify(), as Signal::wait(), or at `deadline`, which notifies it.
  Task<void> wait(Signal& signal, MonoTime deadline);

 private:
  std::shared_ptr<State> state_;
};

}  // namespace perkline::net
