#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

namespace perkline::hub::events {

/// How long what everybody is through with is kept.
inline constexpr days keep_events{30};

/// What drops up to `limit` rows that are over since before `before`, and gives how many.
using Purge = Result<std::int64_t> (*)(db::Transaction&, WallTime before, std::int64_t limit);
/// Runs it in steps of a transaction each, until nothing is left to drop. Gives how many. Errors: the
/// database's.
Task<Result<std::int64_t>> purge_in_steps(db::Database& database, WallTime before, Purge purge);

/// Drops, in steps of a transaction each, what has been over for keep_events: decided dead letters, then
/// events that every consumer is through with and nothing refers to. Gives how many events. Errors: the
/// database's.
Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now);

}  // namespace perkline::hub::events
