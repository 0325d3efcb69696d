#pragma once

#include <cstdint>
#include <string>

#include "hub/jobs/jobs.hpp"

/// Jobs of ledger and points, each a small transaction after the other.
namespace perkline::hub::jobs {

/// Books lots whose time has come, and tells POINTS_EXPIRING of those that lapse soon. How many of both.
Task<Result<std::int64_t>> expire_points(const Parts& parts, std::string actor);
/// Works out anew what users have earned within 12 months. How many have another tier now.
Task<Result<std::int64_t>> review_tiers(const Parts& parts, std::string actor);
/// Writes down what system accounts come to. How many had anything new.
Task<Result<std::int64_t>> make_checkpoints(const Parts& parts, std::string actor);

}  // namespace perkline::hub::jobs
