#pragma once

#include <string_view>

#include "shared/core/error.hpp"

namespace perkline::hub::db {

/// What SQLSTATE `state` is to our callers (PostgreSQL, appendix A). Empty: the connection broke.
Error postgres_error(std::string_view state);

/// Whether the transaction failed only because of others at the same time, and may succeed when it is run
/// again.
bool is_conflict(std::string_view state);

/// Whether the connection is of no more use: the server ends it, or it has forgotten what was prepared there.
bool ends_connection(std::string_view state);

}  // namespace perkline::hub::db
