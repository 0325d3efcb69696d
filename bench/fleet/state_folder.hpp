#pragma once

#include <filesystem>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// A state folder is emptied before it is used: one that is not there yet, is empty, or was marked. Errors:
/// io_failed (there is something else).
Result<void> check_state(const std::filesystem::path& folder);

/// From now on whatever is in that folder may be deleted, by a later run too: a file in it says so. Errors:
/// io_failed.
Result<void> mark_state(const std::filesystem::path& folder);

}  // namespace perkline::bench
