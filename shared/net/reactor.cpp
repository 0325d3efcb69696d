#include "shared/net/reactor.hpp"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "shared/net/signal.hpp"
#include "shared/ops/log.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;

/// For coroutines nobody awaits: `detached` would swallow what they throw.
void rethrow(std::exception_ptr exception) {
  if (exception) std::rethrow_exception(std::move(exception));
}

class ReactorClock final : public AsyncClock {
 public:
  WallTime wall_now() const override { return system_.wall_now(); }
  MonoTime mono_now() const override { return system_.mono_now(); }
  Task<void> sleep_until(MonoTime time) override {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
  }
  Task<bool> wait_for(Signal& signal, MonoTime deadline) override { return signal.wait_until(deadline); }

 private:
  SystemClock system_;
};

}  // namespace

struct Reactor::State {
  ReactorClock clock;  ///< Before `io`: coroutines that end with it may still look at the clock.
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::optional<asio::signal_set> signals;
  std::function<void(int)> on_signal;

  void await_signal() {
    signals->async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      on_signal(number);
      await_signal();
    });
  }
};

Reactor::Reactor() : state_(std::make_unique<State>()) {}
Reactor::~Reactor() = default;

void Reactor::run() {
  try {
    state_->io.run();
  } catch (const std::exception& error) {
    ops::log(ops::Level::error, "reactor", "an exception got out of a handler",
             {{"what", std::string_view(error.what())}});
    std::abort();
  }
}
void Reactor::stop() {
  state_->io.stop();
}
void Reactor::post(std::function<void()> work) {
  asio::post(state_->io, std::move(work));
}
void Reactor::spawn(Task<void> task) {
  asio::co_spawn(state_->io, std::move(task), rethrow);
}

void Reactor::on_signal(std::function<void(int)> handler) {
  state_->on_signal = std::move(handler);
  state_->signals.emplace(state_->io, SIGTERM, SIGINT, SIGHUP);
  state_->await_signal();
}

AsyncClock& Reactor::clock() {
  return state_->clock;
}
asio::io_context& Reactor::io() {
  return state_->io;
}

Task<void> spawn_child(Task<void> child) {
  asio::co_spawn(co_await asio::this_coro::executor, std::move(child), rethrow);
}

}  // namespace perkline::net
