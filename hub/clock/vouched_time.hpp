#pragma once

#include <functional>
#include <optional>

#include "hub/clock/clock_guard.hpp"
#include "hub/db/database.hpp"
#include "shared/net/async_clock.hpp"

/// The time that a hub, or a person, has last vouched for, in the database: for who starts, and for who
/// doubts.
namespace perkline::hub::clock {

/// nullopt: nobody ever has. Errors: the database's.
Result<std::optional<WallTime>> vouched_time(db::Transaction& transaction);
/// Errors: the database's.
Result<void> vouch_for(db::Transaction& transaction, WallTime time);

/// Looks once, and vouches for the time where it is in no doubt. Errors: the database's.
Task<Result<void>> look(db::Database& database, ClockGuard& guard);

/// Looks every few seconds, for as long as the reactor runs; tells in the log, and by `told`, of doubt.
Task<void> watch(db::Database& database, net::AsyncClock& clock, ClockGuard& guard,
                 std::function<void(bool in_doubt)> told);

}  // namespace perkline::hub::clock
