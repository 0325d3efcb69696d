#pragma once

#include "shared/core/error.hpp"

namespace perkline::hub::db {

/// What an extended result code of SQLite means to callers of the port. Pure.
Error sqlite_error(int extended_code);

}  // namespace perkline::hub::db
