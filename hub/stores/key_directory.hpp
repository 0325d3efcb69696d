#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::hub::stores {

/// The keys that let stores in, as of at most about a second ago: commands in other processes change them on
/// the same database. Lookups are thread-safe and never wait; the rest is the reactor's.
class StoreKeys {
 public:
  /// Both must outlive this.
  StoreKeys(db::Database& database, net::AsyncClock& clock) : database_(database), clock_(clock) {}

  /// Reads them now. Errors: the database's.
  Task<Result<void>> refresh();
  /// Reads them every second until stop().
  Task<void> keep_fresh();
  void stop() { stopped_ = true; }

  std::optional<StoreId> store_of(const std::string& public_key) const;

 private:
  using Map = std::unordered_map<std::string, StoreId>;
  db::Database& database_;
  net::AsyncClock& clock_;
  std::atomic<std::shared_ptr<const Map>> keys_{std::make_shared<const Map>()};
  bool stopped_ = false;
};

}  // namespace perkline::hub::stores
