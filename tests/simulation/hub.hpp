#pragma once

#include <memory>
#include <optional>

#include "hub/clock/clock_guard.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "hub/downlink/downlink.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/ingest/server.hpp"
#include "hub/wheel/store_supply.hpp"
#include "hub/wheel/terms.hpp"
#include "tests/simulation/hub_line.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::simulation {

/// The hub's database, in a process that may die before and after each commit.
class WatchedDatabase final : public hub::db::Database {
 public:
  WatchedDatabase(hub::db::SqliteInline& database, net::AsyncClock& clock, Fate& fate, Plant plant)
      : database_(database), clock_(clock), fate_(fate), plant_(plant) {}

  hub::db::Engine engine() const override { return database_.engine(); }
  Task<Result<void>> write(std::function<Result<void>(hub::db::Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(hub::db::Transaction&)> work) override {
    return database_.read(std::move(work));
  }

 private:
  hub::db::SqliteInline& database_;
  net::AsyncClock& clock_;
  Fate& fate_;
  Plant plant_;
};

class Hub;

/// One life of the hub's process: the production parts, put together as hub/daemon.cpp does. Destroying it is
/// the crash.
class HubLife {
 public:
  HubLife(Hub& hub, std::uint64_t seed);
  ~HubLife() { world.reset(); }

  std::unique_ptr<test::SimWorld> world;  ///< Goes first: its coroutines refer to all the rest.
  SeededRng rng;
  UuidMaker uuids;
  WatchedDatabase database;
  hub::clock::ClockGuard guard;
  std::unique_ptr<net::StoreServer> link;
  hub::downlink::Downlink downlink;
  hub::wheel::StoreSupply supply;
  hub::ingest::Ingest ingest;
  hub::ingest::Server server;

 private:
  hub::ingest::Down down(const sync::SigningKey& key);
  Task<void> serve(bool has_programme);
};

/// The hub: its database and clock, which survive, and its process, which does not always.
class Hub {
 public:
  Hub(const Scenario& scenario, Trace& trace, HubLine& line);
  ~Hub();

  /// A store that the hub lets in.
  void add(const StoreId& store);
  void boot();
  void power_off();
  bool is_up() const { return life_ != nullptr; }
  HubLife* life() { return life_.get(); }
  test::SimWorld& world();
  /// The database as it is on disk.
  hub::db::SqliteInline& database() { return *database_; }

  Fate fate;
  test::VirtualTime time;

 private:
  friend class HubLife;

  bool has_programme_;
  Plant plant_;
  Trace& trace_;
  HubLine& line_;
  SeededRng rng_;
  std::optional<sync::SigningKey> key_;  ///< As it lies in the database.
  std::unique_ptr<hub::db::SqliteInline> database_;
  std::unique_ptr<HubLife> life_;
};

}  // namespace perkline::simulation
