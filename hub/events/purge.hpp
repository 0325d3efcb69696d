#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

namespace perkline::hub::events {

/// How long what everybody is through with is kept.
inline constexpr days keep_events{30};

/// Drops, in steps of a transaction each, what has been over for keep_events: decided dead letters, then
/// events that every consumer is through with and nothing refers to. Gives how many events. Errors: the
/// database's.
Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now);

}  // namespace perkline::hub::events
