#pragma once

#include <functional>
#include <utility>

#include "shared/net/task.hpp"

namespace perkline::edge::journal {

/// Wakes a coroutine that waits for the journal: called once at most, on the coroutine's own thread, and runs
/// it there and then. One that is dropped uncalled has its coroutine destroyed by the executor, which must
/// therefore still exist.
using Resume = std::move_only_function<void()>;

/// `co_await suspended(keep)` suspends the coroutine and then hands `keep` its Resume. No cancellation
/// reaches the wait.
template <class Keep>
auto suspended(Keep keep) {
  return [keep = std::move(keep)]<class Token>(Token&& token) mutable {
    return boost::asio::async_initiate<Token, void()>(
        [](auto handler, Keep kept) { kept(Resume(std::move(handler))); }, token, std::move(keep));
  };
}

}  // namespace perkline::edge::journal
