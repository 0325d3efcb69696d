#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "hub/db/sqlite_inline.hpp"

namespace perkline::net {
class Reactor;
}

namespace perkline::hub::db {

/// The file of `sqlite:PATH`. Errors: validation_failed for any other URL, its detail fit for a
/// configuration's fault: this version has no PostgreSQL driver.
Result<std::string> sqlite_path(std::string_view url);

/// The daemon's database behind `database.url`. `reactor` must outlive it. Errors: validation_failed (the
/// URL), database_unavailable, corrupt.
Result<std::unique_ptr<Database>> open_database(net::Reactor& reactor, std::string_view url);

/// The same for a command-line tool beside running daemons.
Result<std::unique_ptr<SqliteInline>> open_for_tool(std::string_view url);

}  // namespace perkline::hub::db
