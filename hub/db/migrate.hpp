#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::db {

/// One step of the schema: a file of hub/db/migrations, built into the binary. Once released it never
/// changes.
struct Migration {
  std::int64_t number = 0;
  std::string_view name;  ///< The file's, without `.sql`: `0001_base`.
  std::string_view sql;
};

/// All of this version, by rising number.
std::span<const Migration> embedded_migrations();

struct Migrated {
  std::int64_t from = 0;  ///< The schema's number before; 0: an empty database.
  std::int64_t to = 0;
};

/// Brings the schema to this version's, each migration in a transaction of its own; a schema that is there
/// already stays untouched. The first one also draws the hub's incarnation. Several processes may call it at
/// once. Errors: newer_format (the schema is newer than the binary), corrupt (an applied migration is not the
/// one of this version), the database's. `clock` and `uuids` must outlive the task.
Task<Result<Migrated>> migrate(Database& database, const Clock& clock, UuidMaker& uuids,
                               std::span<const Migration> migrations = embedded_migrations());

/// The hub's incarnation: what edges tell a hub restored from a backup by. Errors: the database's, corrupt
/// (not migrated).
Result<Uuid> hub_incarnation(Transaction& transaction);

/// By their incarnations, the hubs that the database knows all of to their end: itself, and those that it has
/// carried over from (renew_incarnation). Errors: hub_incarnation()'s.
Result<std::set<std::string>> known_hubs(Transaction& transaction);

/// Makes the database another hub's than the one it was copied from; `known`: what known_hubs() is to tell
/// beside that one. Errors: the database's.
Result<void> renew_incarnation(Transaction& transaction, const Uuid& fresh,
                               const std::set<std::string>& known);

/// A script's statements, without the comments and semicolons between them. Pure.
std::vector<std::string> split_statements(std::string_view script);

}  // namespace perkline::hub::db
