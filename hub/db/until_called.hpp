#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "shared/net/task.hpp"

namespace perkline::hub::db {

/// Suspends the coroutine that awaits it, hands `start` the call that resumes it, and ends with that call.
/// Deaf to cancellation: what was started may still refer to the coroutine's frame. A call that is destroyed
/// without being made takes the coroutine with it. `co_await UntilCalled([&](auto resume) { … });`
class UntilCalled {
 public:
  using Resume = std::function<void()>;

  struct Initiation {
    std::function<void(Resume)> start;
    template <class Handler>
    void operator()(Handler&& handler) {
      auto held = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
      start([held] { std::move (*held)(); });
    }
  };

  explicit UntilCalled(std::function<void(Resume)> start) : start_{std::move(start)} {}

  /// The shape in which Asio awaits an operation.
  template <class Token>
  auto operator()(Token&& token)
      -> decltype(boost::asio::async_initiate<Token, void()>(std::declval<Initiation>(), token)) {
    return boost::asio::async_initiate<Token, void()>(std::move(start_), token);
  }

 private:
  Initiation start_;
};

}  // namespace perkline::hub::db
