#include "shared/net/signal.hpp"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace perkline::net {

namespace asio = boost::asio;

struct Signal::State {
  /// Belongs to the coroutine that waits, and goes with its io_context, which the signal may outlive. The
  /// timer fires by itself at the deadline alone; cancelling it is the wake-up call, which works on a
  /// simulated io_context too.
  class Wait {
   public:
    Wait(State& state, const asio::any_io_executor& executor, MonoTime deadline)
        : state_(state), timer_(executor, deadline) {
      state_.waiting = &timer_;
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() { state_.waiting = nullptr; }
    asio::steady_timer& timer() { return timer_; }

   private:
    State& state_;
    asio::steady_timer timer_;
  };

  asio::steady_timer* waiting = nullptr;
  bool notified = false;
};

Signal::Signal() : state_(std::make_shared<State>()) {}
Signal::~Signal() = default;

void Signal::notify() {
  state_->notified = true;
  if (state_->waiting != nullptr) state_->waiting->cancel();
}

Task<void> Signal::wait() {
  (void)co_await wait_until(MonoTime::max());
}

Task<bool> Signal::wait_until(MonoTime deadline) {
  // Held here: the signal may go while somebody waits for it.
  const std::shared_ptr<State> state = state_;
  if (!state->notified) {
    State::Wait wait(*state, co_await asio::this_coro::executor, deadline);
    boost::system::error_code cancelled;
    co_await wait.timer().async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return std::exchange(state->notified, false);
}

}  // namespace perkline::net
