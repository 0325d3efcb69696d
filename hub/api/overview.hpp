#pragma once

#include <memory>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/stores/stores.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/keyed_lock.hpp"

namespace perkline::hub::api {

/// The console's figures: sums over all that stores have ever told and the ledger has booked of it, so that
/// they prove each other. Where counting takes long, it is shared: by whoever asks at the same time, and for
/// a while after, so that no number of callers has the database do much else. Reactor's thread.
class Overview {
 public:
  struct Options {
    Millis long_from{50};          ///< What takes less is counted for each call.
    std::int64_t shared_for = 20;  ///< Times what counting took, up to shared_max.
    Millis shared_max = minutes{5};
  };
  struct Figures {
    WallTime as_of;
    std::vector<stores::Turnover> stores;
  };

  /// Both must outlive this, and this every task.
  Overview(db::Database& database, net::AsyncClock& clock) : Overview(database, clock, Options{}) {}
  Overview(db::Database& database, net::AsyncClock& clock, Options options)
      : database_(database), clock_(clock), options_(options), counting_(clock) {}

  /// Errors: overloaded (others have counted for too long), the database's.
  Task<Result<std::shared_ptr<const Figures>>> figures();

 private:
  db::Database& database_;
  net::AsyncClock& clock_;
  Options options_;
  net::KeyedLock counting_;
  std::shared_ptr<const Figures> last_;  ///< nullptr: none that may be shared.
  MonoTime last_until_;
};

}  // namespace perkline::hub::api
