#pragma once

#include <string>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::hub::db {

/// Runs one of PostgreSQL's own programs, found by PATH, to its end, on the server of `url` and, there, on
/// `database`. What is secret in the URL goes by the environment: nobody else sees it. Errors: not_found (no
/// such program), validation_failed (the URL), corrupt (it failed; its last words), io_failed.
Result<void> run_postgres_tool(const std::string& program, std::vector<std::string> arguments,
                               const std::string& url, const std::string& database);

}  // namespace perkline::hub::db
