#pragma once

#include <filesystem>
#include <string>

#include "hub/db/backup.hpp"

/// copy_database() and replace_database() of an SQLite file, by SQLite's online backup.
namespace perkline::hub::db {

Result<void> copy_sqlite(const std::filesystem::path& database, const std::filesystem::path& copy,
                         const CopyWork& check);
/// The folder's owner is the database's.
Result<std::string> replace_sqlite(const std::filesystem::path& backup, const std::filesystem::path& database,
                                   WallTime now, const RestoreWork& prepare);

}  // namespace perkline::hub::db
