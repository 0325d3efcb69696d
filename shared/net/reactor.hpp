#pragma once

#include <functional>
#include <memory>

#include "shared/net/async_clock.hpp"

namespace boost::asio {
class io_context;
}

namespace perkline::net {

/// One thread's event loop with its clock. It outlives what stands on it; coroutines still waiting are
/// destroyed with it, when what they use is gone already, so their locals' destructors must not need it.
/// Everything that is not said to be thread-safe belongs to the thread in run().
class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Serves until stop(). An exception out of a handler is a bug of ours: it is logged and the process
  /// aborts.
  void run();
  /// Any thread.
  void stop();
  /// Runs `work` on the reactor's thread, soon. Any thread.
  void post(std::function<void()> work);
  /// Starts a coroutine on the reactor's thread. Any thread.
  void spawn(Task<void> task);
  /// Calls `handler` on the reactor's thread for each SIGTERM, SIGINT or SIGHUP, with its number.
  void on_signal(std::function<void(int)> handler);

  AsyncClock& clock();
  boost::asio::io_context& io();  ///< For adapters in shared/net only.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Starts `child` on the executor of the awaiting coroutine and does not wait for it: works on a reactor and
/// in the simulation alike. `co_await spawn_child(settle(id));`
Task<void> spawn_child(Task<void> child);

}  // namespace perkline::net
