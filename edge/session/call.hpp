#pragma once

#include <memory>
#include <optional>

#include "edge/session/ports.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"

/// A call to PDI that a till waits for no longer than the stand-in's deadline, and that goes on after it.
namespace perkline::edge::session {

template <class T>
struct Call {
  std::optional<T> reply;  ///< nullopt: not yet.
  net::Signal given;
};

template <class T>
Task<void> run_call(Task<T> asked, std::shared_ptr<Call<T>> call) {
  call->reply = co_await std::move(asked);
  call->given.notify();
}

/// Starts `asked` as a flow of its own; returns with its reply, or without at the stand-in's deadline. With
/// no stand-in, `asked`'s own deadline is all there is.
template <class T>
Task<std::shared_ptr<Call<T>>> ask(net::AsyncClock& clock, const StandIn& standin, Task<T> asked) {
  auto call = std::make_shared<Call<T>>();
  co_await net::spawn_child(run_call(std::move(asked), call));
  if (call->reply) co_return call;  // refused at once: the breaker is open
  if (standin.enabled) {
    (void)co_await clock.wait_for(call->given, clock.mono_now() + standin.deadline);
  } else {
    co_await call->given.wait();
  }
  co_return call;
}

/// Whether the stand-in answers in the place of that failure: PDI's own word stands.
inline bool may_stand_in(const StandIn& standin, const pdi::Failure& failure) {
  return standin.enabled && failure.outcome != pdi::Outcome::rejected;
}

}  // namespace perkline::edge::session
