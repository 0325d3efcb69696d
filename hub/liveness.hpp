#pragma once

#include <atomic>
#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/ops/health.hpp"

namespace perkline::hub {

/// Feels the pulse of reactor and database once a second, so that the ops port's thread can tell of both
/// without waiting for either.
class Liveness {
 public:
  /// Both must outlive this.
  Liveness(db::Database& database, net::AsyncClock& clock);

  /// Until the reactor stops; run side by side, so that a database that hangs does not pass for a wedged
  /// reactor.
  Task<void> watch_reactor();
  Task<void> watch_database();

  /// Thread-safe, at once.
  ops::CheckResult reactor() const;
  ops::CheckResult database() const;

 private:
  std::int64_t now() const;

  db::Database& database_;
  net::AsyncClock& clock_;
  std::atomic<std::int64_t> reactor_beat_;   ///< Monotonic milliseconds, likewise the next.
  std::atomic<std::int64_t> database_beat_;  ///< The last answer, or the first try while there was none.
  static constexpr std::int64_t unmeasured = -1;
  std::atomic<std::int64_t> reactor_micros_{
      unmeasured};  ///< How late it last came round; of the database: its answer.
  std::atomic<std::int64_t> database_micros_{unmeasured};
  std::atomic<bool> database_answers_{true};
};

}  // namespace perkline::hub
