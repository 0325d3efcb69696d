#pragma once

#include <memory>

#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"

namespace perkline::edge::jobs {

/// How a job that goes on for long leaves the reactor to the tills, and hears that it is to stop. For one
/// coroutine at a time. Reactor's thread.
class Pace {
 public:
  /// Between two steps of a job.
  static constexpr Millis step_pause{5};

  explicit Pace(net::AsyncClock& clock) : clock_(clock) {}

  /// Each returns false, and early, when there are to be no more steps: what has been done stays done.
  Task<bool> step() { return wait_until(clock_.mono_now() + step_pause); }
  Task<bool> wait_until(MonoTime time);

  void stop();
  bool stopped() const { return stopped_; }

 private:
  net::AsyncClock& clock_;
  bool stopped_ = false;
  std::shared_ptr<net::Signal> stop_ = std::make_shared<net::Signal>();
};

}  // namespace perkline::edge::jobs
