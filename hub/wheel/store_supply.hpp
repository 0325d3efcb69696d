#pragma once

#include <functional>
#include <memory>
#include <set>
#include <unordered_map>

#include "hub/clock/clock_guard.hpp"
#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::hub::wheel {

/// Gives stores what they draw with, seeds and leases, soon after they need it. What is missed here the jobs
/// `wheel-seeds` and `prize-leases` do. Reactor's thread.
class StoreSupply {
 public:
  struct Parts {
    db::Database& database;
    net::AsyncClock& clock;
    UuidMaker& ids;
    Rng& rng;                                                ///< Fit for keys.
    const hub::clock::ClockGuard* guard = nullptr;           ///< nullptr: the clock is never in doubt.
    std::function<void(std::int64_t units)> on_leased = {};  ///< For metrics.
  };
  /// What `parts` refers to must outlive this.
  explicit StoreSupply(Parts parts) : parts_(std::move(parts)) {}

  /// The store speaks to this process, and has told who holds its leases.
  void heard(const StoreId& store, const Uuid& holder);
  /// The store has given units away, or back.
  void used(const StoreId& store);
  /// There may be more to lease: of whom this process has heard.
  void stock_changed();

  /// For ever.
  Task<void> run();

 private:
  Task<Result<void>> supply(StoreId store);
  void tell_fault(const StoreId& store, const Error& error);

  Parts parts_;
  std::unordered_map<StoreId, Uuid> holders_;  ///< As told last.
  std::set<StoreId> waiting_;
  ops::StandingFaults faults_;  ///< By store.
  std::shared_ptr<net::Signal> wake_ = std::make_shared<net::Signal>();
};

}  // namespace perkline::hub::wheel
