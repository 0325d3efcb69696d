#pragma once

#include "shared/core/clock.hpp"
#include "shared/net/task.hpp"

namespace perkline::net {

class Signal;

/// The clock as flows see it: they can also wait. The reactor's own in production, a virtual one in
/// simulation.
class AsyncClock : public Clock {
 public:
  /// Resumes at or after `time`, on the executor of the awaiting coroutine; at once if it has passed.
  virtual Task<void> sleep_until(MonoTime time) = 0;
  Task<void> sleep(Millis duration) { return sleep_until(mono_now() + duration); }
  /// Waits for `signal`, which may go meanwhile, but no longer than to `deadline`. Whether it was told.
  virtual Task<bool> wait_for(Signal& signal, MonoTime deadline);
};

}  // namespace perkline::net
