#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline::pdi {

struct BreakerOptions {
  seconds window{60};
  std::size_t min_calls = 5;  ///< In the window, before rates count.
  double failure_rate = 0.5;  ///< At or over it opens; likewise the next.
  double slow_rate = 0.8;
  unsigned consecutive_failures = 5;
  Millis open_base{5000};
  Millis open_max{60'000};
  unsigned half_open_permits = 3;
};

enum class BreakerState : std::uint8_t { closed, open, half_open, forced_open };
/// `CLOSED`, `OPEN`, `HALF_OPEN`, `FORCED_OPEN`.
std::string_view name_of(BreakerState state);

/// A circuit breaker (Nygard, "Release It!") over a window of one-second buckets. Pure; time is monotonic and
/// passed in, and no `now` is before an earlier one.
///
///   CLOSED ──too many failed or slow, or several failed in a row──▶ OPEN ──its time is over──▶ HALF_OPEN
///     ▲                                                              ▲                            │
///     │                                                              └──one fails, or undecided───┤
///     └──────────────────────────all permits' calls go well───────────────────────────────────────┘
///
/// HALF_OPEN is undecided when it still is 30 s after its first permit: while nobody asks for one, there is
/// nothing to decide.
class Breaker {
  struct State;

 public:
  /// `rng` must outlive it.
  Breaker(BreakerOptions options, Rng& rng);

  BreakerState state(MonoTime now);
  /// When a call may be admitted at the earliest, long past when it may at once; MonoTime::max() while forced
  /// open.
  MonoTime open_at() const;

  /// One call. It says how the call went, once; what goes without a word says nothing about the other side.
  /// A permit of before the last change of state decides nothing. It may outlive its breaker.
  class Permit {
   public:
    Permit(Permit&&) noexcept = default;
    Permit& operator=(Permit&&) = delete;
    ~Permit();

    void succeeded(bool slow, MonoTime now) &&;
    /// `retry_after`: what the other side asked for; up to 300 s of it count.
    void failed(MonoTime now, std::optional<Millis> retry_after = std::nullopt) &&;

   private:
    friend Breaker;
    Permit(const std::shared_ptr<State>& breaker, std::uint64_t generation)
        : breaker_(breaker), generation_(generation) {}

    std::weak_ptr<State> breaker_;  ///< Nothing once it was used or moved from.
    std::uint64_t generation_;
  };
  /// nullopt: the call may not be made.
  std::optional<Permit> admit(MonoTime now);

  /// Until automatic(): an operator knows better.
  void force_open();
  void automatic();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace perkline::pdi
