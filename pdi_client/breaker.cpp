#include "pdi_client/breaker.hpp"

#include <algorithm>
#include <utility>

#include "pdi_client/sliding_window.hpp"
#include "shared/core/planted.hpp"

namespace perkline::pdi {
namespace {

constexpr Millis retry_after_max = seconds{300};
constexpr Millis undecided_max = seconds{30};
constexpr unsigned doublings_max = 16;

struct Calls {
  std::size_t all = 0;
  std::size_t failed = 0;
  std::size_t slow = 0;

  Calls& operator+=(const Calls& more) {
    all += more.all;
    failed += more.failed;
    slow += more.slow;
    return *this;
  }
};

/// Of none there is no rate.
bool reaches(std::size_t part, double rate, std::size_t all) {
  return part > 0 && static_cast<double>(part) >= rate * static_cast<double>(all);
}

}  // namespace

std::string_view name_of(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "CLOSED";
    case BreakerState::open:
      return "OPEN";
    case BreakerState::half_open:
      return "HALF_OPEN";
    case BreakerState::forced_open:
      return "FORCED_OPEN";
  }
  return {};
}

struct Breaker::State {
  State(BreakerOptions given, Rng& random) : options(given), rng(random), calls(given.window) {}

  BreakerOptions options;
  Rng& rng;
  BreakerState state = BreakerState::closed;
  std::uint64_t generation = 0;  ///< One more with each change of state.
  SlidingWindow<Calls> calls;
  unsigned failures_in_a_row = 0;
  unsigned reopened = 0;  ///< Times in a row that half open led to open.
  MonoTime open_until{};
  /// Of this half-open time.
  struct Probing {
    std::optional<MonoTime> since;  ///< The first permit.
    unsigned granted = 0;
    unsigned good = 0;
    bool in_flight = false;
  } probing;

  void tick(MonoTime now);
  bool admit(MonoTime now);
  void succeeded(std::uint64_t of, bool slow, MonoTime now);
  void failed(std::uint64_t of, MonoTime now, std::optional<Millis> retry_after);
  void ignored(std::uint64_t of);
  bool over_the_rates(MonoTime now) const;
  void open(MonoTime now, unsigned times_reopened, std::optional<Millis> retry_after);
  void close();
  void change(BreakerState to);
};

/// What time alone brings about.
void Breaker::State::tick(MonoTime now) {
  if (state == BreakerState::half_open && probing.since && now - *probing.since >= undecided_max)
    open(now, reopened + 1, std::nullopt);
  if (state == BreakerState::open && now >= open_until) change(BreakerState::half_open);
}

bool Breaker::State::admit(MonoTime now) {
  tick(now);
  if (state == BreakerState::closed) return true;
  if (state != BreakerState::half_open || probing.in_flight || probing.granted == options.half_open_permits)
    return false;
  if (!probing.since) probing.since = now;
  probing.in_flight = true;
  ++probing.granted;
  return true;
}

void Breaker::State::succeeded(std::uint64_t of, bool slow, MonoTime now) {
  tick(now);
  if (of != generation) return;
  if (state == BreakerState::half_open) {
    probing.in_flight = false;
    if (++probing.good == options.half_open_permits) close();
    return;
  }
  failures_in_a_row = 0;
  calls.at(now) += {.all = 1, .slow = slow ? 1U : 0U};
  if (over_the_rates(now)) open(now, 0, std::nullopt);
}

void Breaker::State::failed(std::uint64_t of, MonoTime now, std::optional<Millis> retry_after) {
  tick(now);
  if (of != generation) return;
  if (state == BreakerState::half_open) return open(now, reopened + 1, retry_after);
  ++failures_in_a_row;
  calls.at(now) += {.all = 1, .failed = 1};
  if (failures_in_a_row >= options.consecutive_failures || over_the_rates(now)) open(now, 0, retry_after);
}

void Breaker::State::ignored(std::uint64_t of) {
  if (of != generation || state != BreakerState::half_open) return;
  probing.in_flight = false;
  --probing.granted;
}

bool Breaker::State::over_the_rates(MonoTime now) const {
  const Calls sum = calls.sum(now);
  return sum.all >= options.min_calls && (reaches(sum.failed, options.failure_rate, sum.all) ||
                                          reaches(sum.slow, options.slow_rate, sum.all));
}

void Breaker::State::open(MonoTime now, unsigned times_reopened, std::optional<Millis> retry_after) {
  change(BreakerState::open);
  reopened = times_reopened;
  const Millis doubled = options.open_base * (std::int64_t{1} << std::min(reopened, doublings_max));
  const double jitter = 0.8 + 0.4 * rng.unit();
  const auto pause = std::chrono::duration_cast<Millis>(std::min(options.open_max, doubled) * jitter);
  open_until = now + std::max(pause, std::min(retry_after.value_or(Millis{0}), retry_after_max));
}

void Breaker::State::close() {
  change(BreakerState::closed);
  failures_in_a_row = 0;
  calls.clear();
}

void Breaker::State::change(BreakerState to) {
  state = to;
  ++generation;
  probing = {};
}

Breaker::Breaker(BreakerOptions options, Rng& rng) : state_(std::make_shared<State>(options, rng)) {}

BreakerState Breaker::state(MonoTime now) {
  state_->tick(now);
  return state_->state;
}

MonoTime Breaker::open_at() const {
  if (state_->state == BreakerState::forced_open) return MonoTime::max();
  return state_->state == BreakerState::open ? state_->open_until : MonoTime::min();
}

std::optional<Breaker::Permit> Breaker::admit(MonoTime now) {
  if (!state_->admit(now)) return std::nullopt;
  return Permit(state_, state_->generation);
}

void Breaker::force_open() {
  state_->change(BreakerState::forced_open);
}

void Breaker::automatic() {
  if (state_->state == BreakerState::forced_open) state_->close();
}

Breaker::Permit::~Permit() {
  if (planted(PlantedBug::lost_permit)) return;
  if (const auto breaker = breaker_.lock()) breaker->ignored(generation_);
}

void Breaker::Permit::succeeded(bool slow, MonoTime now) && {
  if (const auto breaker = std::exchange(breaker_, {}).lock()) breaker->succeeded(generation_, slow, now);
}

void Breaker::Permit::failed(MonoTime now, std::optional<Millis> retry_after) && {
  if (const auto breaker = std::exchange(breaker_, {}).lock()) breaker->failed(generation_, now, retry_after);
}

}  // namespace perkline::pdi
