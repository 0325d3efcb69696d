#pragma once

#include <memory>
#include <string>

#include "hub/db/inline_database.hpp"

namespace perkline::net {
class Reactor;
}

namespace perkline::hub::db {

/// Which engine `database.url` means: `sqlite:PATH` or `postgresql://user:password@host:port/name`. Errors:
/// validation_failed, its detail fit for a configuration's fault, without the URL.
Result<Engine> engine_of(std::string_view url);

/// The file of `sqlite:PATH`. Errors: validation_failed for any other URL.
Result<std::string> sqlite_path(std::string_view url);

/// The daemon's database behind `database.url`. PostgreSQL is not asked yet: it may come up later. `reactor`
/// must outlive it. Errors: validation_failed (the URL), database_unavailable, corrupt.
Result<std::unique_ptr<Database>> open_database(net::Reactor& reactor, std::string_view url);

/// Whether a database that is not there is made.
enum class IfMissing : std::uint8_t { make, fail };

/// The same for a command-line tool beside running daemons, connected. Errors: not_found (there is none) and
/// as above.
Result<std::unique_ptr<InlineDatabase>> open_for_tool(std::string_view url, IfMissing if_missing);

}  // namespace perkline::hub::db
