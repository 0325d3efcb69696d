#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/postgres_server.hpp"
#include "bench/measure/options.hpp"
#include "hub/db/database.hpp"
#include "shared/core/result.hpp"

/// Hubs to be measured, and where they keep their data.
namespace perkline::bench {

/// As `--database` and reports spell it: `sqlite`, `postgresql`.
std::string_view name_of(hub::db::Engine engine);
/// Of a report: SQLite's has no more than its own name.
std::string scenario_name(std::string_view scenario, hub::db::Engine engine);

/// Databases of one scenario: files of the hubs' own, or on a PostgreSQL cluster that is started for it and
/// goes with this.
class Databases {
 public:
  /// Errors: io_failed (there is no PostgreSQL, or it does not start).
  static Result<Databases> open(const MeasureOptions& options, hub::db::Engine engine);
  hub::db::Engine engine() const { return server_ ? hub::db::Engine::postgresql : hub::db::Engine::sqlite; }
  /// Whose CPU time drive() is to look at; 0: it is the hub's own process.
  pid_t pid() const { return server_ ? server_->pid() : 0; }
  /// The URL of a database that is not there yet; empty: the hub's own file.
  std::string fresh_url();
  /// One that is there from the start, and empty.
  std::string scratch_url() const { return server_->url("postgres"); }

 private:
  std::optional<PostgresServer> server_;
  int made_ = 0;
};

/// One hub, without limits on how often anybody calls.
class HubRig {
 public:
  /// On a fresh one of the databases. `name`: of its folder. `core`: where it runs, -1: anywhere. Errors:
  /// io_failed.
  static Result<HubRig> start(const MeasureOptions& options, const std::string& name, Databases& databases,
                              int core = -1);
  Fleet& fleet() { return fleet_; }
  std::uint16_t port() const { return fleet_.hub_port(); }
  pid_t pid() { return fleet_.hub().pid(); }
  std::string database_url() const { return fleet_.hub_database_url(); }
  pid_t database_pid() const { return database_pid_; }  ///< Databases::pid()

 private:
  HubRig(Fleet fleet, pid_t database) : fleet_(std::move(fleet)), database_pid_(database) {}
  Fleet fleet_;
  pid_t database_pid_;
};

}  // namespace perkline::bench
