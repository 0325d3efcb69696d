#pragma once

#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::db {

bool is_postgres_url(std::string_view url);

/// The database that the URL names. Errors: validation_failed (libpq does not take it, or it names none), its
/// detail fit for a configuration's fault.
Result<std::string> postgres_database(std::string_view url);

}  // namespace perkline::hub::db
