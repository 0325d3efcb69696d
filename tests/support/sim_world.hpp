#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "shared/net/async_clock.hpp"

namespace boost::asio {
class io_context;
}

namespace perkline::test {

/// Virtual time, shared by all lives of a simulated world: it survives the crash of a process.
struct VirtualTime {
  MonoTime mono{hours{1}};
  WallTime wall = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
};

/// One life of one simulated process: coroutines on an io_context that is polled, with time that moves only
/// when nothing is ready. Destroying it is the crash: every suspended coroutine goes. One thread.
class SimWorld {
 public:
  explicit SimWorld(VirtualTime& time);
  ~SimWorld();

  net::AsyncClock& clock();
  boost::asio::io_context& io();
  void spawn(Task<void> task);
  /// Runs what is ready; false if nothing was.
  bool run_ready();
  /// When the next sleeper is due; nullopt: nobody sleeps.
  std::optional<MonoTime> next_due() const;
  /// Wakes the sleepers due at or before the virtual time.
  void wake_due();

  /// Runs ready work and moves time from sleeper to sleeper until `done` says so. False when nothing is left
  /// to do or `time_max` has passed before that.
  bool run_until(const std::function<bool()>& done, Millis time_max = hours{24});

 private:
  class Sleepers;
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<Sleepers> sleepers_;
  VirtualTime& time_;
};

/// Runs one task to its end in virtual time and returns its value; aborts the test's process if it never
/// ends.
template <class T>
T run_task(SimWorld& world, Task<T> task) {
  std::optional<T> value;
  world.spawn([](Task<T> inner, std::optional<T>& out) -> Task<void> { out = co_await std::move(inner); }(
                                                           std::move(task), value));
  world.run_until([&] { return value.has_value(); });
  return std::move(value.value());
}

}  // namespace perkline::test
