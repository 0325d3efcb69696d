#include "shared/net/keyed_lock.hpp"

#include <list>
#include <unordered_map>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "shared/core/assert.hpp"
#include "shared/net/deadline.hpp"

namespace perkline::net {
namespace asio = boost::asio;

/// Shared with guards and waiters, so that coroutines which end after the lock (with their io_context) do no
/// harm.
struct KeyedLock::State {
  class Waiter;

  explicit State(AsyncClock& async_clock) : clock(async_clock) {}
  void release(const std::string& key);

  AsyncClock& clock;
  /// A key is here exactly while it is held; the list is who waits for it, in order.
  std::unordered_map<std::string, std::list<Waiter*>> held;
};

/// One in line. Its timer never fires by itself: cancelling it is the wake-up call, which works on a reactor
/// and on a simulated io_context alike. Leaves the line, or hands on what it was granted and did not take,
/// when it goes.
class KeyedLock::State::Waiter {
 public:
  Waiter(std::shared_ptr<State> state, std::string key, const asio::any_io_executor& executor)
      : state_(std::move(state)),
        key_(std::move(key)),
        wake_(executor, asio::steady_timer::time_point::max()) {
    state_->held.at(key_).push_back(this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (!granted_) {
      state_->held.at(key_).remove(this);
    } else if (!taken_) {
      state_->release(key_);
    }
  }

  void grant() {
    granted_ = true;
    wake_.cancel();
  }
  bool take() { return taken_ = granted_; }
  Task<Result<void>> until_granted() {
    boost::system::error_code cancelled;
    if (!granted_) co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (!granted_) co_return fail(Errc::cancelled);
    co_return Result<void>{};
  }

 private:
  std::shared_ptr<State> state_;
  std::string key_;
  asio::steady_timer wake_;
  bool granted_ = false;
  bool taken_ = false;
};

void KeyedLock::State::release(const std::string& key) {
  const auto line = held.find(key);
  PERKLINE_ASSERT(line != held.end());
  if (line->second.empty()) {
    held.erase(line);
    return;
  }
  Waiter* next = line->second.front();
  line->second.pop_front();
  next->grant();
}

KeyedLock::KeyedLock(AsyncClock& clock) : state_(std::make_shared<State>(clock)) {}
KeyedLock::~KeyedLock() = default;

bool KeyedLock::is_held(const std::string& key) const {
  return state_->held.contains(key);
}

std::optional<KeyedLock::Guard> KeyedLock::try_acquire(const std::string& key) {
  const auto [place, added] = state_->held.try_emplace(key);
  if (!added) return std::nullopt;
  return Guard(state_, place->first);
}

Task<Result<KeyedLock::Guard>> KeyedLock::acquire(std::string key, MonoTime deadline) {
  const auto state = state_;
  const auto [place, added] = state->held.try_emplace(key);
  const std::string& held = place->first;  // also while it is waited for
  if (added) co_return Guard(state, held);

  State::Waiter waiter(state, key, co_await asio::this_coro::executor);
  const auto granted = co_await with_deadline(state->clock, deadline, waiter.until_granted());
  if (waiter.take()) co_return Guard(state, held);
  co_return fail(granted ? Errc::timed_out : granted.error().code, "key is held");
}

KeyedLock::Guard::Guard(std::shared_ptr<State> state, const std::string& held)
    : state_(std::move(state)), key_(&held) {}
KeyedLock::Guard& KeyedLock::Guard::operator=(Guard&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(key_, other.key_);
  return *this;
}
KeyedLock::Guard::~Guard() {
  if (state_) state_->release(*key_);
}

}  // namespace perkline::net
