#pragma once

#include <memory>
#include <string>

#include "hub/config.hpp"
#include "hub/db/open.hpp"

namespace perkline::hub {

using db::IfMissing;

/// The configuration's database for a command-line tool, its schema that of this version. Errors:
/// newer_format, not_found, the database's.
Result<std::unique_ptr<db::InlineDatabase>> open_tool_database(const HubConfig& config, IfMissing if_missing);

/// Whether that can be written down as the reason of what somebody does at the command line; where not, says
/// why.
bool is_reason(const std::string& reason);

/// Whom the audit names as the one at the command line: `cli:<login name>`.
std::string command_line_actor();

}  // namespace perkline::hub
