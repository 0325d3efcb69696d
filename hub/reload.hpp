#pragma once

#include <string>

#include "hub/config.hpp"

namespace perkline::hub {

/// Reads `path` again: all of a configuration without faults, or nothing, and the log says what. Of the
/// daemon's `config` the log's level and format change; all else waits for the next start.
void take_over(HubConfig& config, const std::string& path);

}  // namespace perkline::hub
