#pragma once

#include <memory>

#include "shared/net/signal.hpp"
#include "shared/net/task.hpp"

namespace perkline::edge::journal {

/// A commit's wait for the disk. Adapters keep the signal weakly: the waiting coroutine owns it, and either
/// may go first. Nothing but notify() ends the wait: to return early would be to acknowledge what is not on
/// disk.
inline Task<void> wait_durable(std::shared_ptr<net::Signal> durable) {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await durable->wait();
  co_await boost::asio::this_coro::reset_cancellation_state();
}

}  // namespace perkline::edge::journal
