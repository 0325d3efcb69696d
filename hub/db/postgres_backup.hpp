#pragma once

#include <filesystem>
#include <string>

#include "hub/db/backup.hpp"

/// copy_database() and replace_database() of a PostgreSQL database, by pg_dump and pg_restore.
namespace perkline::hub::db {

Result<void> copy_postgres(const std::string& url, const std::filesystem::path& copy, const CopyWork& check);
/// Takes the right to make databases. What was there is a database of the same server.
Result<std::string> replace_postgres(const std::string& url, const std::filesystem::path& backup,
                                     WallTime now, const RestoreWork& prepare);

}  // namespace perkline::hub::db
