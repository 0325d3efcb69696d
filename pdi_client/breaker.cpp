#include "pdi_client/breaker.hpp"

#include <algorithm>

namespace perkline::pdi {
namespace {

constexpr Millis retry_after_max = seconds{300};
constexpr Millis undecided_max = seconds{30};
constexpr unsigned doublings_max = 16;

std::int64_t second_of(MonoTime now) {
  return std::chrono::floor<seconds>(now.time_since_epoch()).count();
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

BreakerState Breaker::state(MonoTime now) {
  tick(now);
  return state_;
}

MonoTime Breaker::open_at() const {
  if (state_ == BreakerState::forced_open) return MonoTime::max();
  return state_ == BreakerState::open ? open_until_ : MonoTime::min();
}

/// What time alone brings about.
void Breaker::tick(MonoTime now) {
  if (state_ == BreakerState::half_open && now - half_open_since_ >= undecided_max)
    open(now, reopened_ + 1, std::nullopt);
  if (state_ == BreakerState::open && now >= open_until_) {
    change(BreakerState::half_open);
    half_open_since_ = now;
    granted_ = good_ = 0;
    in_flight_ = false;
  }
}

std::optional<Breaker::Ticket> Breaker::admit(MonoTime now) {
  tick(now);
  if (state_ == BreakerState::closed) return Ticket{generation_};
  if (state_ != BreakerState::half_open || in_flight_ || granted_ == options_.half_open_permits)
    return std::nullopt;
  in_flight_ = true;
  ++granted_;
  return Ticket{generation_};
}

void Breaker::succeeded(Ticket ticket, bool slow, MonoTime now) {
  tick(now);
  if (!is_current(ticket)) return;
  if (state_ == BreakerState::half_open) {
    in_flight_ = false;
    if (++good_ == options_.half_open_permits) close();
    return;
  }
  failures_in_a_row_ = 0;
  count(false, slow, now);
  if (over_the_rates(now)) open(now, 0, std::nullopt);
}

void Breaker::failed(Ticket ticket, MonoTime now, std::optional<Millis> retry_after) {
  tick(now);
  if (!is_current(ticket)) return;
  if (state_ == BreakerState::half_open) return open(now, reopened_ + 1, retry_after);
  ++failures_in_a_row_;
  count(true, false, now);
  if (failures_in_a_row_ >= options_.consecutive_failures || over_the_rates(now)) open(now, 0, retry_after);
}

void Breaker::ignored(Ticket ticket) {
  if (!is_current(ticket) || state_ != BreakerState::half_open) return;
  in_flight_ = false;
  --granted_;
}

void Breaker::force_open() {
  change(BreakerState::forced_open);
}

void Breaker::automatic() {
  if (state_ == BreakerState::forced_open) close();
}

void Breaker::count(bool failure, bool slow, MonoTime now) {
  const std::int64_t second = second_of(now);
  Bucket& bucket = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
  if (bucket.second != second) bucket = {.second = second};
  ++bucket.calls;
  bucket.failures += failure ? 1 : 0;
  bucket.slow += slow ? 1 : 0;
}

bool Breaker::over_the_rates(MonoTime now) const {
  const std::int64_t oldest = second_of(now) - options_.window.count() + 1;
  Bucket sum;
  for (const Bucket& bucket : buckets_) {
    if (bucket.second < oldest) continue;
    sum.calls += bucket.calls;
    sum.failures += bucket.failures;
    sum.slow += bucket.slow;
  }
  const auto calls = static_cast<double>(sum.calls);
  return sum.calls >= options_.min_calls &&
         (static_cast<double>(sum.failures) >= options_.failure_rate * calls ||
          static_cast<double>(sum.slow) >= options_.slow_rate * calls);
}

void Breaker::open(MonoTime now, unsigned reopened, std::optional<Millis> retry_after) {
  change(BreakerState::open);
  reopened_ = reopened;
  const Millis doubled = options_.open_base * (std::int64_t{1} << std::min(reopened, doublings_max));
  const double jitter = 0.8 + 0.4 * rng_.unit();
  const auto pause = std::chrono::duration_cast<Millis>(std::min(options_.open_max, doubled) * jitter);
  open_until_ = now + std::max(pause, std::min(retry_after.value_or(Millis{0}), retry_after_max));
}

void Breaker::close() {
  change(BreakerState::closed);
  reopened_ = 0;
  failures_in_a_row_ = 0;
  std::ranges::fill(buckets_, Bucket{});
}

void Breaker::change(BreakerState to) {
  state_ = to;
  ++generation_;
}

}  // namespace perkline::pdi
