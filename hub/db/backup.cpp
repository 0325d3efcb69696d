#include "hub/db/backup.hpp"

#include <system_error>

#include "hub/db/open.hpp"
#include "hub/db/postgres_backup.hpp"
#include "hub/db/sqlite_backup.hpp"

namespace perkline::hub::db {

Result<void> copy_database(const std::string& url, const std::filesystem::path& copy, const CopyWork& check) {
  const auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  std::error_code unreadable;
  if (std::filesystem::exists(copy, unreadable))
    return fail(Errc::already_exists, copy.string() + " is there already");
  if (*engine == Engine::postgresql) return copy_postgres(url, copy, check);
  return copy_sqlite(*sqlite_path(url), copy, check);
}

Result<std::string> replace_database(const std::string& url, const std::filesystem::path& backup,
                                     WallTime now, const RestoreWork& prepare) {
  const auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  std::error_code unreadable;
  if (!std::filesystem::exists(backup, unreadable))
    return fail(Errc::not_found, "there is no " + backup.string());
  if (*engine == Engine::postgresql) return replace_postgres(url, backup, now, prepare);
  return replace_sqlite(backup, *sqlite_path(url), now, prepare);
}

}  // namespace perkline::hub::db
