#pragma once

#include "hub/jobs/jobs.hpp"

namespace perkline::hub::jobs {

/// Puts into the stores' catalogue what is to be there of prizes, promotions, seeds and leases and is not, as
/// after an upgrade, and takes out what is over. How many items that changed. Errors: the database's, and
/// validation_failed where one kind did not fit; the others are put.
Task<Result<std::int64_t>> refresh_catalogue(const Parts& parts, std::string actor);

/// The same, for who has no Parts yet.
Task<Result<std::int64_t>> refresh_catalogue(db::Database& database, WallTime now);

}  // namespace perkline::hub::jobs
