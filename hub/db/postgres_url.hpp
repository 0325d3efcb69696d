#pragma once

#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::db {

bool is_postgres_url(std::string_view url);

/// The database that the URL names. Errors: validation_failed (libpq does not take it, or it names none), its
/// detail fit for a configuration's fault.
Result<std::string> postgres_database(std::string_view url);

/// As they stand in SQL, for the few statements that take no parameters.
std::string sql_literal(std::string_view text);
std::string sql_identifier(std::string_view name);

}  // namespace perkline::hub::db
