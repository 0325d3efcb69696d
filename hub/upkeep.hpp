#pragma once

#include <functional>

#include "hub/db/database.hpp"
#include "hub/identity/tokens.hpp"
#include "hub/metrics.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/task.hpp"

namespace perkline::hub {

/// What a serving hub looks after by itself, every few seconds: another process on the same database may have
/// changed it, or time has. What is due at an hour of the day is a job (jobs/). Each flow runs for as long as
/// the reactor does; a database that is away is told elsewhere, and asked again. Reactor's thread.
class Upkeep {
 public:
  struct Parts {
    db::Database& database;
    net::AsyncClock& clock;
    UuidMaker& uuids;
    HubMetrics& metrics;
    wheel::Terms terms;  ///< What sales and spins give.
    /// Those whose keys the database has; nullptr: a file has them.
    identity::Tokens* tokens = nullptr;
    /// How many sockets members hold open here.
    std::function<std::size_t()> sockets_open = {};
  };
  /// What `parts` refers to must outlive this.
  explicit Upkeep(Parts parts) : parts_(std::move(parts)) {}

  /// Starts every flow by `spawn`.
  void start(const std::function<void(Task<void>)>& spawn);

 private:
  /// Once: dead letters whose type this version knows and the one that buried them did not.
  Task<void> retry_upgraded();
  /// Once: into the stores' catalogue what an older version had, that put nothing there.
  Task<void> refresh_catalogue();
  /// Money held beyond its time is given free.
  Task<void> release_holds();
  /// A person may decide about dead letters, and leases that are lost, in another process.
  Task<void> watch_dead_letters();
  Task<void> watch_awaited();
  /// Notifications, mails, payments.
  Task<void> watch_what_waits();
  /// Another replica, or `jobs run rotate-keys`, may have made a key.
  Task<void> keep_token_keys_fresh();
  /// Rows of the audit, as they come.
  Task<void> keep_audit_chained();

  Parts parts_;
};

/// Before a hub serves: where there can be no other, on SQLite, whoever holds leases has died, and what was
/// being sent goes on at once. Errors: the database's.
Task<Result<void>> release_leases_of_the_dead(db::Database& database);

}  // namespace perkline::hub
