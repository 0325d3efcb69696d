#pragma once

#include <cstdint>
#include <span>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"

/// What becomes of points that nobody spends. For the job `expire-points`.
namespace perkline::hub::points {

/// Tells POINTS_EXPIRING of up to `count` lots that lapse soon, each once: an event for each user and day on
/// which some do. How many lots that was; fewer than `count`: no more were there. Errors: the database's.
Result<std::int64_t> announce_expiry(db::Transaction& transaction, const Cause& cause, std::int64_t count);

}  // namespace perkline::hub::points
