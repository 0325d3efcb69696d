#include "shared/net/async_clock.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "shared/net/signal.hpp"

namespace perkline::net {

Task<bool> AsyncClock::wait_for(Signal& signal, MonoTime deadline) {
  using namespace boost::asio::experimental::awaitable_operators;
  const auto first = co_await (signal.wait() || sleep_until(deadline));
  co_return first.index() == 0;
}

}  // namespace perkline::net
