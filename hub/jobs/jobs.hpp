#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/billing/statement.hpp"
#include "hub/clock/clock_guard.hpp"
#include "hub/db/database.hpp"
#include "hub/points/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::hub::jobs {

/// What jobs work with; all must outlive them.
struct Parts {
  db::Database& database;
  const Clock& clock;
  UuidMaker& uuids;
  Rng& rng;  ///< Fit for keys.
  const hub::clock::ClockGuard& guard;
  seconds access_ttl;         ///< How long a signing key's last tokens live.
  bool keys_in_file = false;  ///< jwt.key_file: no key is made here.
  points::Terms terms = {};   ///< The programme's.
  billing::Rates rates = {};  ///< What points cost stores from here on.
};

/// Who watches the jobs of this process; what is empty is not told.
struct Watch {
  std::function<void(std::string_view job, bool succeeded)> on_run = {};
  /// When the last run began that succeeded, on whichever replica; told every minute.
  std::function<void(std::string_view job, WallTime began)> on_last_success = {};
};

struct Job {
  std::string_view name;  ///< On the command line and in the database: never to change.
  std::string_view says;
  Millis every;
  /// The first time after midnight UTC from which `every` counts, for what runs at night; nullopt: it counts
  /// from the last turn.
  std::optional<Millis> at;
  /// `actor` as identity::AuditEntry names it. How many things it dealt with.
  Task<Result<std::int64_t>> (*run)(const Parts& parts, std::string actor);
  /// Nothing brings back what it does: it is refused, by hand with session_state, while the clock is in
  /// doubt.
  bool for_good = false;
};

std::span<const Job> all_jobs();
/// nullptr: there is no such job.
const Job* find_job(std::string_view name);

/// Runs what is due, for ever; of several replicas one runs each. What was missed while none ran is due at
/// the start.
Task<void> run_regularly(const Parts& parts, net::AsyncClock& clock, Watch watch);

/// What is not run again before this has passed since it began and has not succeeded: it failed, or its
/// replica died.
inline constexpr minutes retry_pause{5};
/// Replicas' clocks differ by less: a turn that began later than that from now was taken by a wrong clock,
/// and does not count.
inline constexpr minutes clocks_apart{10};

/// Whether it is this caller's turn to run the job, which it then must. Errors: the database's.
Result<bool> take_turn(db::Transaction& transaction, const Job& job, WallTime now);
/// The run that began then has succeeded, by its turn or by hand. Errors: the database's.
Result<void> note_success(db::Transaction& transaction, const Job& job, WallTime began);

/// No job, but told as one: `perkline-hub backup`, which another process runs.
inline constexpr std::string_view backup_name = "backup";
/// A backup that began then is made and verified. The last word counts, so that one by a clock that was ahead
/// hides none that fail later. Errors: the database's.
Result<void> note_backup(db::Transaction& transaction, WallTime began);

}  // namespace perkline::hub::jobs
