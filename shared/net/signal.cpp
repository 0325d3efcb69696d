#include "shared/net/signal.hpp"

#include <optional>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace perkline::net {

namespace asio = boost::asio;

/// The timer never fires by itself; cancelling it is the wake-up call, which works on a simulated io_context
/// too.
struct Signal::State {
  std::optional<asio::steady_timer> waiting;
  bool notified = false;
};

Signal::Signal() : state_(std::make_shared<State>()) {}
Signal::~Signal() = default;

void Signal::notify() {
  state_->notified = true;
  if (state_->waiting) state_->waiting->cancel();
}

Task<void> Signal::wait() {
  // Held here: the signal may go while somebody waits for it.
  const std::shared_ptr<State> state = state_;
  if (!state->notified) {
    state->waiting.emplace(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    boost::system::error_code cancelled;
    co_await state->waiting->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    state->waiting.reset();
  }
  state->notified = false;
}

}  // namespace perkline::net
