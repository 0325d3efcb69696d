#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "hub/db/inline_database.hpp"
#include "shared/core/clock.hpp"

/// Whole copies of a database in a file: SQLite's is a database itself, PostgreSQL's an archive of pg_dump,
/// which pg_dump and pg_restore of at least the server's version have to be installed for.
namespace perkline::hub::db {

/// Something to be done with a copy, or to be seen in it.
using CopyWork = std::function<Result<void>(InlineDatabase&)>;

/// What is done with a copy before it takes the place of a database; `before`: what is in that, which nobody
/// else writes meanwhile; nullptr: there is none, or it cannot be opened.
using RestoreWork = std::function<Result<void>(InlineDatabase& copy, Transaction* before)>;

/// Copies the database behind `url`, beside whoever uses it, as it is at one moment, into `copy`, which must
/// not be there yet; durable, readable and found right by `check`, which sees that same moment and must not
/// write, when it returns, or not there. Errors: already_exists, not_found (also: a program that it takes),
/// corrupt, check's, database_unavailable, storage_full, io_failed, validation_failed (the URL).
Result<void> copy_database(const std::string& url, const std::filesystem::path& copy, const CopyWork& check);

/// Puts what `prepare` has made of a copy of `backup` in the place of the database behind `url`, in one step:
/// a crash leaves the old one or the new one. Nobody else may have the database open. What was there is kept:
/// gives its new name; empty: nothing was. Errors: not_found, corrupt, session_state (it is in use),
/// prepare's, io_failed, database_unavailable, validation_failed (the URL).
Result<std::string> replace_database(const std::string& url, const std::filesystem::path& backup,
                                     WallTime now, const RestoreWork& prepare);

}  // namespace perkline::hub::db
