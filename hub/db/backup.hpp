#pragma once

#include <filesystem>
#include <functional>

#include "hub/db/sqlite_inline.hpp"
#include "shared/core/clock.hpp"

/// Whole copies of an SQLite database, by SQLite's online backup.
namespace perkline::hub::db {

/// Copies the database, beside whoever uses it, as it is at one moment, into `copy`, which must not be there
/// yet; durable and found sound when it returns, or not there. Errors: already_exists, not_found, corrupt,
/// database_unavailable, storage_full, io_failed.
Result<void> copy_database(const std::filesystem::path& database, const std::filesystem::path& copy);

/// Puts what `prepare` has made of a copy of `backup` in the place of `database`, in one step: a crash leaves
/// the old one or the new one. Nobody else may have the database open. What was there is kept: gives its new
/// name; empty: nothing was. Errors: not_found, corrupt, session_state (it is in use), prepare's, io_failed.
Result<std::filesystem::path> replace_database(const std::filesystem::path& backup,
                                               const std::filesystem::path& database, WallTime now,
                                               const std::function<Result<void>(SqliteInline&)>& prepare);

}  // namespace perkline::hub::db
