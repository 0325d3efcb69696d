#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::hub::jobs {

/// What jobs work with; all must outlive them.
struct Parts {
  db::Database& database;
  const Clock& clock;
  UuidMaker& uuids;
  seconds access_ttl;         ///< How long a signing key's last tokens live.
  bool keys_in_file = false;  ///< jwt.key_file: no key is made here.
};

struct Job {
  std::string_view name;  ///< On the command line and in the database: never to change.
  std::string_view says;
  Millis every;
  /// `actor` as identity::AuditEntry names it. How many things it dealt with.
  Task<Result<std::int64_t>> (*run)(const Parts& parts, std::string actor);
};

std::span<const Job> all_jobs();
/// nullptr: there is no such job.
const Job* find_job(std::string_view name);

/// Runs what is due, for ever; of several replicas one runs each.
Task<void> run_regularly(const Parts& parts, net::AsyncClock& clock);

/// Whether it is this caller's turn to run the job, which it then must. Errors: the database's.
Result<bool> take_turn(db::Transaction& transaction, const Job& job, WallTime now);

}  // namespace perkline::hub::jobs
