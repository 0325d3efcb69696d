#pragma once

#include "pdi_client/pdi.hpp"
#include "pdi_client/sliding_window.hpp"
#include "shared/core/clock.hpp"

/// When a call to PDI is tried a second time (edge.md, "Retry"). Pure; time is monotonic.
namespace perkline::pdi {

/// A first attempt of a till's identify, calculate or status. Its finalize is never tried twice.
struct FirstAttempt {
  Outcome outcome;
  MonoTime::duration left;  ///< Until the till's deadline.
  Millis timeout;           ///< The endpoint's own.
};
/// Only where PDI gave no answer, and with a fifth of the time-out left at least: with less a PDI that is
/// well would be taken for one that is not.
bool is_worth_repeating(const FirstAttempt& first);

/// Keeps retries under a fifth of the calls of the last minute, so that a PDI in trouble is not called into
/// more of it. Where calls are few, `always` retries a minute are let through: a fifth of them would be none.
class RetryBudget {
 public:
  static constexpr std::size_t calls_per_retry = 5;

  explicit RetryBudget(std::size_t always = 3) : always_(always) {}

  /// A first attempt, a queued sale's among them.
  void note_call(MonoTime now) { counted_.at(now).calls += 1; }
  /// Whether one more retry may be made; it is counted as made.
  bool take(MonoTime now);

 private:
  struct Counts {
    std::size_t calls = 0;
    std::size_t retries = 0;
    Counts& operator+=(const Counts& more) {
      calls += more.calls;
      retries += more.retries;
      return *this;
    }
  };
  std::size_t always_;
  SlidingWindow<Counts> counted_{seconds{60}};
};

}  // namespace perkline::pdi
