#include "shared/net/either.hpp"

#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace perkline::net {

Task<void> either(Task<void> a, Task<void> b) {
  using namespace boost::asio::experimental::awaitable_operators;
  [[maybe_unused]] const auto first = co_await (std::move(a) || std::move(b));
}

}  // namespace perkline::net
