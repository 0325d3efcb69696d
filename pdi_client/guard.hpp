#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "pdi_client/breaker.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::pdi {

struct GuardOptions {
  BreakerOptions breaker = {};
  /// Of each call: one that takes four fifths of it is slow.
  struct Timeouts {
    Millis identify{5000};
    Millis calculate{8000};
    Millis finalize{10'000};
    Millis status{3000};
  } timeouts = {};
  /// After each change of the breaker's state. Those that time alone brings about are noticed when somebody
  /// calls or asks state().
  std::function<void(BreakerState from, BreakerState to)> on_change = {};
  std::size_t settlement_in_flight_max = 4;
};

/// PDI behind a circuit breaker and the gate that a 429 closes (edge.md, "PDI client"), for two kinds of
/// callers. Calls that may not be made give not_tried with the time until they may, and nothing is sent. A
/// flow that is destroyed while it waits gives its permit and its place back. Reactor's thread.
class Guard {
 public:
  /// `pdi`, `clock` and `rng` must outlive it.
  Guard(Pdi& pdi, net::AsyncClock& clock, Rng& rng, GuardOptions options);
  ~Guard();

  /// For calls that a till waits for: made only while the breaker is closed. identify, calculate and status
  /// are tried twice at most where PDI gave no answer (retry.hpp).
  Pdi& tills();
  /// For settlement, whose calls are the probes while PDI is out: a few at a time while the breaker is
  /// closed, one while it is half open. Nothing is tried twice.
  Pdi& settlement();

  BreakerState state() const;
  bool is_closed() const { return state() == BreakerState::closed; }
  /// When settlement may call at the earliest; now or earlier: at once. While forced open, when no time is
  /// known, a little later than now, however often it is asked.
  MonoTime open_at() const;
  /// Whether settlement may repeat what failed before; counted as done. Its retries, like those of tills,
  /// stay under a fifth of its calls.
  bool take_settlement_retry();
  void force_open();
  void automatic();

 private:
  struct State;
  class View;
  std::shared_ptr<State> state_;
  std::unique_ptr<View> tills_;
  std::unique_ptr<View> settlement_;
};

}  // namespace perkline::pdi
