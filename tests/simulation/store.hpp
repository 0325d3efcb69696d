#pragma once

#include <memory>
#include <optional>

#include "edge/journal/journal_memory.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/session/flows.hpp"
#include "edge/uplink/uplink.hpp"
#include "pdi_client/guard.hpp"
#include "pdi_client/pdi_http.hpp"
#include "tests/simulation/hub_line.hpp"
#include "tests/simulation/planted_parts.hpp"
#include "tests/simulation/provider.hpp"
#include "tests/simulation/watched_journal.hpp"
#include "tests/simulation/watched_pdi.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::simulation {

/// What a store's process stands on in the simulated world.
struct Surroundings {
  const Scenario& scenario;
  Timeline& time;
  Trace& trace;
  Provider& provider;
  HubLine& line;
};

/// One life of a store's daemon: the production parts, put together as edge/daemon.cpp does, over simulated
/// adapters. Destroying it is the crash.
class StoreLife {
 public:
  /// What the life stands on and leaves behind.
  struct Home {
    const StoreId& store;
    test::VirtualTime& time;
    edge::journal::MemoryDisk& disk;
    OfflineRedemptions& redemptions;
    Fate& fate;
  };
  StoreLife(const Surroundings& around, const Home& home, std::uint64_t seed);
  ~StoreLife();

  /// The session that a till's name for a sale stands for, as it is on the disk.
  std::optional<edge::session::Session> session_named(const TransactionId& transaction) const;

  std::unique_ptr<test::SimWorld> world;  ///< Goes first: its coroutines refer to all the rest.
  SeededRng rng;
  UuidMaker uuids;
  edge::journal::JournalMemory disk_journal;
  HastyJournal hasty_journal;
  WatchedJournal journal;
  std::unique_ptr<edge::journal::Outbox> outbox;
  edge::session::SessionStore sessions;
  pdi::PdiHttp http;
  WatchedCalls calls;
  pdi::Guard guard;
  WatchedCaller tills;
  WatchedCaller settlement;
  net::KeyedLock locks;
  edge::standin::Members members;
  edge::standin::RulesInForce rules;
  edge::session::Ports ports;
  edge::session::SessionWriter writer;
  edge::session::Finalizer finalizer;
  WallTimers wall_timers;
  edge::pdi_queue::PdiQueue queue;
  edge::session::Flows flows;
  std::unique_ptr<net::HubLink> link;
  edge::uplink::Uplink uplink;
};

/// A store: its disk and clock, which survive, and its daemon, which does not always.
class Store {
 public:
  Store(const Surroundings& around, StoreId id);
  ~Store();

  void boot();
  /// The power goes: of what was being written the first part may be on the disk.
  void power_off();
  /// Whether there is no room left for what is written.
  void fill_disk(bool full);
  bool has_room() const { return !disk_.full; }
  StoreLife* life() { return life_.get(); }
  const StoreId& id() const { return id_; }
  std::size_t boots() const { return boots_; }

  Fate fate;
  test::VirtualTime time;
  std::size_t clock_jumps = 0;
  std::size_t fills = 0;  ///< How often the disk got full.
  OfflineRedemptions redemptions;

 private:
  Surroundings around_;
  StoreId id_;
  SeededRng rng_;
  edge::journal::MemoryDisk disk_;
  std::unique_ptr<StoreLife> life_;
  std::size_t boots_ = 0;
};

}  // namespace perkline::simulation
