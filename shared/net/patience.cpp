#include "shared/net/patience.hpp"

#include <map>

#include "shared/net/reactor.hpp"

namespace perkline::net {

/// Shared with coroutines, which may end after it, with their io_context.
struct Patience::State {
  explicit State(AsyncClock& async_clock) : clock(async_clock) {}

  AsyncClock& clock;
  std::multimap<MonoTime, Signal*> waiting;
  MonoTime next_look = MonoTime::max();
};

namespace {

class Place {
 public:
  Place(std::shared_ptr<Patience::State> state, Signal& signal, MonoTime deadline)
      : state_(std::move(state)), at_(state_->waiting.emplace(deadline, &signal)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { state_->waiting.erase(at_); }

 private:
  std::shared_ptr<Patience::State> state_;
  std::multimap<MonoTime, Signal*>::iterator at_;
};

/// Looks at `next`, and at the first deadline behind it, until another one looks earlier or nobody waits.
Task<void> look(std::shared_ptr<Patience::State> state, MonoTime next) {
  while (true) {
    co_await state->clock.sleep_until(next);
    const MonoTime now = state->clock.mono_now();
    for (const auto& [deadline, signal] : state->waiting) {
      if (deadline > now) break;
      signal->notify();
    }
    if (state->next_look == next) state->next_look = MonoTime::max();
    const auto first = state->waiting.upper_bound(now);
    if (first == state->waiting.end() || first->first >= state->next_look) co_return;
    next = state->next_look = first->first;
  }
}

}  // namespace

Patience::Patience(AsyncClock& clock) : state_(std::make_shared<State>(clock)) {}
Patience::~Patience() = default;

Task<void> Patience::wait(Signal& signal, MonoTime deadline) {
  const auto state = state_;
  const Place place(state, signal, deadline);
  if (deadline < state->next_look) {
    state->next_look = deadline;
    co_await spawn_child(look(state, deadline));
  }
  co_await signal.wait();
}

}  // namespace perkline::net
