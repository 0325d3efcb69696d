#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hub/clock/clock_guard.hpp"
#include "hub/config.hpp"
#include "hub/downlink/downlink.hpp"
#include "hub/ingest/server.hpp"
#include "hub/metrics.hpp"
#include "hub/stores/key_directory.hpp"
#include "hub/wheel/store_supply.hpp"
#include "shared/net/link.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub {

/// All that speaks to the stores: the line and who is let in, what comes up, what goes down, and what they
/// are leased. Reactor's thread.
class StoresSide {
 public:
  /// All must outlive it.
  struct Parts {
    net::Reactor& reactor;
    db::Database& database;
    UuidMaker& uuids;
    Rng& rng;  ///< Fit for keys.
    HubMetrics& metrics;
    const clock::ClockGuard& guard;
  };
  explicit StoresSide(Parts parts);

  /// Who may come. Errors: the database's.
  Task<Result<void>> read_keys() { return keys_.refresh(); }
  /// Listens; nothing is heard before start(). `catalogue_key` signs what goes down. Errors: io_failed.
  Result<void> open(const HubConfig& config, sync::SigningKey catalogue_key);
  /// After open().
  void start();
  std::string endpoint() const { return link_->endpoint(); }
  /// There may be more prizes to lease than the stores have been offered. After open().
  void prizes_changed() { supply_->stock_changed(); }

 private:
  void heard(const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot);

  Parts parts_;
  stores::StoreKeys keys_;
  std::unique_ptr<net::StoreServer> link_;
  std::optional<sync::SigningKey> catalogue_key_;
  std::optional<downlink::Downlink> downlink_;
  std::optional<wheel::StoreSupply> supply_;
  std::optional<ingest::Ingest> ingest_;
  std::optional<ingest::Server> server_;
};

}  // namespace perkline::hub
