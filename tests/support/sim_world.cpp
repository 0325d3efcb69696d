#include "tests/support/sim_world.hpp"

#include <map>

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "shared/core/assert.hpp"

namespace perkline::test {

namespace asio = boost::asio;

class SimWorld::Sleepers final : public net::AsyncClock {
 public:
  Sleepers(asio::io_context& io, VirtualTime& time) : io_(io), time_(time) {}

  WallTime wall_now() const override { return time_.wall; }
  MonoTime mono_now() const override { return time_.mono; }

  Task<void> sleep_until(MonoTime due) override {
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this, due](auto handler) {
          auto held = std::make_shared<decltype(handler)>(std::move(handler));
          auto woken = std::make_shared<bool>(false);
          auto wake = [this, woken](std::shared_ptr<decltype(handler)> sleeper) {
            if (std::exchange(*woken, true)) return;
            asio::post(io_, [sleeper] { std::move (*sleeper)(); });
          };
          // Weakly held: a slot that owned the handler it belongs to would be a cycle, and leak.
          if (auto slot = asio::get_associated_cancellation_slot(*held); slot.is_connected()) {
            slot.assign([wake, weak = std::weak_ptr(held)](asio::cancellation_type) {
              if (auto sleeper = weak.lock()) wake(sleeper);
            });
          }
          due_.emplace(due, [wake, held] { wake(held); });
        },
        asio::use_awaitable);
  }

  std::optional<MonoTime> next_due() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
  }

  void wake_due() {
    while (!due_.empty() && due_.begin()->first <= time_.mono) due_.extract(due_.begin()).mapped()();
  }

 private:
  asio::io_context& io_;
  VirtualTime& time_;
  std::multimap<MonoTime, std::function<void()>> due_;
};

SimWorld::SimWorld(VirtualTime& time)
    : io_(std::make_unique<asio::io_context>(1)),
      sleepers_(std::make_unique<Sleepers>(*io_, time)),
      time_(time) {}

// The sleepers hold handlers of the io_context's coroutines, so they go first.
SimWorld::~SimWorld() {
  sleepers_.reset();
  io_.reset();
}

net::AsyncClock& SimWorld::clock() {
  return *sleepers_;
}
asio::io_context& SimWorld::io() {
  return *io_;
}
void SimWorld::spawn(Task<void> task) {
  asio::co_spawn(*io_, std::move(task), asio::detached);
}

bool SimWorld::run_ready() {
  io_->restart();
  return io_->poll() > 0;
}

std::optional<MonoTime> SimWorld::next_due() const {
  return sleepers_->next_due();
}
void SimWorld::wake_due() {
  sleepers_->wake_due();
}

bool SimWorld::run_until(const std::function<bool()>& done, Millis time_max) {
  const MonoTime end = time_.mono + time_max;
  while (true) {
    while (run_ready()) {
    }
    if (done()) return true;
    const auto due = next_due();
    if (!due || *due > end) return false;
    if (*due > time_.mono) {
      time_.wall += std::chrono::duration_cast<Millis>(*due - time_.mono);
      time_.mono = *due;
    }
    wake_due();
  }
}

}  // namespace perkline::test
