#pragma once

#include <memory>
#include <optional>

#include "edge/downlink/downlink.hpp"
#include "edge/journal/journal_memory.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/pdi_queue/restoration.hpp"
#include "edge/programme/programme.hpp"
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
    const std::string& name;  ///< The store's, or its clone's.
    test::VirtualTime& time;
    edge::journal::MemoryDisk& disk;
    OfflineRedemptions& redemptions;
    Fate& fate;
  };
  StoreLife(const Surroundings& around, const Home& home, std::uint64_t seed);
  ~StoreLife();

  /// Tills are served, once whatever a restore left open is held.
  bool serving() const { return serving_; }
  /// Whether what a restore left open is known to the end.
  bool is_restored() const;
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
  edge::programme::Programme programme;
  std::unique_ptr<net::HubLink> link;
  std::unique_ptr<edge::downlink::Downlink> downlink;
  edge::uplink::Uplink uplink;
  edge::pdi_queue::Restoration restoration;

 private:
  Task<void> serve();
  std::unique_ptr<edge::downlink::Downlink> opened_downlink(const StoreId& store);
  void use(const sync::Catalogue& catalogue);
  Task<void> hear(sync::Frame frame);
  sync::Status status() const;
  bool serving_ = false;
};

/// A store: its disk and clock, which survive, and its daemon, which does not always.
class Store {
 public:
  Store(const Surroundings& around, StoreId id);
  /// Another process under the same id, on a machine of its own that has yet to be copied.
  struct Clone {};
  Store(const Surroundings& around, StoreId id, Clone clone);
  ~Store();

  void boot();
  /// The power goes: of what was being written the first part may be on the disk.
  void power_off();
  /// Whether there is no room left for what is written.
  void fill_disk(bool full);
  bool has_room() const { return !disk_.full; }
  StoreLife* life() { return life_.get(); }
  const StoreId& id() const { return id_; }
  const std::string& name() const { return name_; }
  bool is_clone() const { return name_ != id_.str(); }

  void back_up();
  bool has_backup() const { return backup_.has_value(); }
  /// When that was made.
  Timeline::Duration backed_up_at() const { return backup_->at; }
  /// What the disk held is lost; the backup takes its place. While it is off.
  void restore();
  /// As that one's disk is now. Before the first boot.
  void copy_disk(const Store& original) { disk_ = original.disk_; }
  std::size_t boots() const { return boots_; }

  Fate fate;
  test::VirtualTime time;
  std::size_t clock_jumps = 0;
  std::size_t fills = 0;  ///< How often the disk got full.
  std::size_t restores = 0;
  bool restore_due = false;  ///< Before its next boot.
  bool gone = false;         ///< It does not boot any more.
  OfflineRedemptions redemptions;

 private:
  struct Backup {
    edge::journal::MemoryDisk disk;
    Timeline::Duration at;
    WallTime made_at;  ///< By the store's own clock.
  };

  Store(const Surroundings& around, StoreId id, std::string name);

  Surroundings around_;
  StoreId id_;
  std::string name_;
  SeededRng rng_;
  edge::journal::MemoryDisk disk_;
  std::optional<Backup> backup_;
  std::unique_ptr<StoreLife> life_;
  std::size_t boots_ = 0;
};

}  // namespace perkline::simulation
