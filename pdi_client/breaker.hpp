#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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
class Breaker {
 public:
  /// `rng` must outlive it.
  Breaker(BreakerOptions options, Rng& rng)
      : options_(options), rng_(rng), buckets_(static_cast<std::size_t>(options.window.count())) {}

  BreakerState state(MonoTime now);
  /// When a call may be admitted at the earliest; MonoTime::max() while forced open.
  MonoTime open_at() const;

  /// What an admitted call is known by. An answer from before the last change of state decides nothing.
  struct Ticket {
    std::uint64_t generation = 0;
  };
  /// nullopt: it may not be made. Every ticket is to be given back by one of the next three.
  std::optional<Ticket> admit(MonoTime now);
  void succeeded(Ticket ticket, bool slow, MonoTime now);
  /// `retry_after`: what the other side asked for; up to 300 s of it count.
  void failed(Ticket ticket, MonoTime now, std::optional<Millis> retry_after = std::nullopt);
  /// The call says nothing about the other side.
  void ignored(Ticket ticket);

  /// Until automatic(): an operator knows better.
  void force_open();
  void automatic();

 private:
  struct Bucket {
    std::int64_t second = -1;
    std::size_t calls = 0;
    std::size_t failures = 0;
    std::size_t slow = 0;
  };

  void tick(MonoTime now);
  bool is_current(Ticket ticket) const { return ticket.generation == generation_; }
  void count(bool failure, bool slow, MonoTime now);
  bool over_the_rates(MonoTime now) const;
  void open(MonoTime now, unsigned reopened, std::optional<Millis> retry_after);
  void close();
  void change(BreakerState to);

  BreakerOptions options_;
  Rng& rng_;
  BreakerState state_ = BreakerState::closed;
  std::uint64_t generation_ = 0;
  std::vector<Bucket> buckets_;
  unsigned failures_in_a_row_ = 0;
  unsigned reopened_ = 0;  ///< Times in a row that half open led to open.
  MonoTime open_until_{};
  MonoTime half_open_since_{};
  unsigned granted_ = 0;  ///< Permits of this half-open time.
  unsigned good_ = 0;
  bool in_flight_ = false;
};

}  // namespace perkline::pdi
