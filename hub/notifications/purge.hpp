#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

namespace perkline::hub::notifications {

/// How long members find what they were told, read or not.
inline constexpr days keep_notifications{400};
/// How long it is known that a mail was sent or given up. Longer than an event may be taken again.
inline constexpr days keep_mails{60};

/// Drops what is older, in steps of a transaction each; gives how many of both. Errors: the database's.
Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now);

}  // namespace perkline::hub::notifications
