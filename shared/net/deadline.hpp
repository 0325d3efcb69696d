#pragma once

#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "shared/core/result.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::net {

/// `task`'s result, or timed_out at `deadline`; then the task is cancelled where it waits and has ended when
/// this returns. The one way to bound a wait: Asio's `a || b` would hide a throw of the loser until the
/// winner ends.
template <class T>
Task<Result<T>> with_deadline(AsyncClock& clock, MonoTime deadline, Task<Result<T>> task) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (std::move(task) || clock.sleep_until(deadline));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return fail(Errc::timed_out);
}

}  // namespace perkline::net
