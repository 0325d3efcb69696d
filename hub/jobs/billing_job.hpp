#pragma once

#include <cstdint>
#include <string>

#include "hub/jobs/jobs.hpp"

namespace perkline::hub::jobs {

/// Writes down the statements of months that are over, the oldest first, a transaction each. How many months.
Task<Result<std::int64_t>> close_months(const Parts& parts, std::string actor);

}  // namespace perkline::hub::jobs
