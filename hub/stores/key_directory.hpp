#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::hub::stores {

/// The keys that let stores in, as of half a second ago at most: commands in other processes change them on
/// the same database. store_of is thread-safe and never waits for the database; the rest is the reactor's.
class StoreKeys {
 public:
  /// Both must outlive this.
  StoreKeys(db::Database& database, net::AsyncClock& clock) : database_(database), clock_(clock) {}

  /// Reads them now. Errors: the database's.
  Task<Result<void>> refresh();
  /// Reads them twice a second until stop(). What was read last holds while the database cannot be had.
  Task<void> keep_fresh();
  void stop() { stopped_ = true; }

  std::optional<StoreId> store_of(const std::string& public_key) const;

 private:
  using Map = std::unordered_map<std::string, StoreId>;
  db::Database& database_;
  net::AsyncClock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Map> keys_ = std::make_shared<const Map>();
  bool stopped_ = false;
  ops::StandingFaults faults_;
};

}  // namespace perkline::hub::stores
