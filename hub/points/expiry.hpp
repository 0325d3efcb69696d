#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"

/// What becomes of points that nobody spends. For the job `expire-points`.
namespace perkline::hub::points {

struct ExpiryStep {
  std::int64_t lots = 0;  ///< Of which somebody was told.
  bool any_left = false;  ///< More may be due.
};
/// Tells POINTS_EXPIRING of lots that lapse soon, each once: an event for each user and day on which some do,
/// of the days on which the `count` earliest do. Errors: the database's.
Result<ExpiryStep> announce_expiry(db::Transaction& transaction, const Cause& cause, std::int64_t count);

}  // namespace perkline::hub::points
