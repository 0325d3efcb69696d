#include "hub/liveness.hpp"

namespace perkline::hub {
namespace {

constexpr Millis beat_every{1000};
/// A pulse this old is none any more.
constexpr Millis silence_max{10'000};

ops::CheckStatus status_at_age(std::int64_t age_ms) {
  return age_ms > silence_max.count() ? ops::CheckStatus::down : ops::CheckStatus::up;
}

std::int64_t micros(std::chrono::nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// In milliseconds; nullopt for what nobody has measured.
std::optional<double> latency_of(std::int64_t micros) {
  return micros < 0 ? std::nullopt : std::optional(static_cast<double>(micros) / 1000.0);
}

}  // namespace

Liveness::Liveness(db::Database& database, net::AsyncClock& clock)
    : database_(database), clock_(clock), reactor_beat_(now()), database_beat_(now()) {}

std::int64_t Liveness::now() const {
  return std::chrono::duration_cast<Millis>(clock_.mono_now().time_since_epoch()).count();
}

Task<void> Liveness::watch_reactor() {
  while (true) {
    reactor_beat_ = now();
    const MonoTime due = clock_.mono_now() + beat_every;
    co_await clock_.sleep_until(due);
    reactor_micros_ = micros(clock_.mono_now() - due);
  }
}

Task<void> Liveness::watch_database() {
  while (true) {
    const MonoTime asked = clock_.mono_now();
    const auto answered = co_await database_.read([](db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query("SELECT 1");
      if (!rows) return failure(rows);
      return {};
    });
    database_answers_ = answered.has_value();
    database_beat_ = now();
    database_micros_ = micros(clock_.mono_now() - asked);
    co_await clock_.sleep(beat_every);
  }
}

ops::CheckResult Liveness::reactor() const {
  const std::int64_t age = now() - reactor_beat_;
  return {.status = status_at_age(age), .latency_ms = latency_of(reactor_micros_)};
}

ops::CheckResult Liveness::database() const {
  const auto status = database_answers_ ? status_at_age(now() - database_beat_) : ops::CheckStatus::down;
  return {.status = status, .latency_ms = latency_of(database_micros_)};
}

}  // namespace perkline::hub
