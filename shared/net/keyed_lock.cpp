#include "shared/net/keyed_lock.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <unordered_map>

#include "shared/core/assert.hpp"
#include "shared/net/deadline.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;

/// One in line. Its timer never fires by itself: cancelling it is the wake-up call, which works on a reactor and on a
/// simulated io_context alike.
struct Waiter {
  explicit Waiter(const asio::any_io_executor& executor) : wake(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer wake;
  bool granted = false;
};

}  // namespace

struct KeyedLock::State {
  explicit State(AsyncClock& async_clock) : clock(async_clock) {}
  AsyncClock& clock;
  /// A key is here exactly while it is held; the list is who waits for it, in order.
  std::unordered_map<std::string, std::list<Waiter*>> held;
};

namespace {

Task<Result<void>> until_granted(Waiter& waiter) {
  while (!waiter.granted) {
    boost::system::error_code cancelled;
    co_await waiter.wake.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (!waiter.granted && (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
      co_return fail(Errc::cancelled);
    }
  }
  co_return Result<void>{};
}

}  // namespace

KeyedLock::KeyedLock(AsyncClock& clock) : state_(std::make_unique<State>(clock)) {}
KeyedLock::~KeyedLock() = default;

bool KeyedLock::is_held(const std::string& key) const { return state_->held.contains(key); }

Task<Result<KeyedLock::Guard>> KeyedLock::acquire(std::string key, MonoTime deadline) {
  const auto [held, free] = state_->held.try_emplace(key);
  if (free) co_return Guard(this, std::move(key));

  Waiter waiter(co_await asio::this_coro::executor);
  held->second.push_back(&waiter);
  auto granted = co_await with_deadline(state_->clock, deadline, until_granted(waiter));
  if (waiter.granted) co_return Guard(this, std::move(key));
  state_->held.at(key).remove(&waiter);
  co_return fail(Errc::timed_out, "key is held");
}

void KeyedLock::release(const std::string& key) {
  const auto held = state_->held.find(key);
  PERKLINE_ASSERT(held != state_->held.end());
  if (held->second.empty()) {
    state_->held.erase(held);
    return;
  }
  Waiter* next = held->second.front();
  held->second.pop_front();
  next->granted = true;
  next->wake.cancel();
}

KeyedLock::Guard::Guard(KeyedLock* lock, std::string key) : lock_(lock), key_(std::move(key)) {}
KeyedLock::Guard::Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)), key_(std::move(other.key_)) {}
KeyedLock::Guard& KeyedLock::Guard::operator=(Guard&& other) noexcept {
  std::swap(lock_, other.lock_);
  std::swap(key_, other.key_);
  return *this;
}
KeyedLock::Guard::~Guard() {
  if (lock_ != nullptr) lock_->release(key_);
}

}  // namespace perkline::net
