#pragma once

#include <filesystem>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// Writes `folder`/index.html from every report (report.hpp) in the folder: figures, goals and plots, with
/// nothing from elsewhere. What is no report is left out. Errors: io_failed.
Result<void> write_page(const std::filesystem::path& folder);

}  // namespace perkline::bench
