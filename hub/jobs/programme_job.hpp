#pragma once

#include <string>

#include "hub/jobs/jobs.hpp"

namespace perkline::hub::jobs {

/// The job `purge-programme`: forgets what is over of the programme at tills, once nobody can ask for it any
/// more (README.md). How many rows it forgot.
Task<Result<std::int64_t>> purge_programme(const Parts& parts, std::string actor);

}  // namespace perkline::hub::jobs
