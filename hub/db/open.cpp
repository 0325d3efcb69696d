#include "hub/db/open.hpp"

#include "hub/db/sqlite.hpp"

namespace perkline::hub::db {

Result<std::string> sqlite_path(std::string_view url) {
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
    return fail(Errc::validation_failed, "PostgreSQL is not served by this version; use sqlite:PATH");
  }
  if (!url.starts_with(sqlite) || url.size() == sqlite.size()) {
    return fail(Errc::validation_failed, "must be sqlite:PATH");
  }
  return std::string(url.substr(sqlite.size()));
}

Result<std::unique_ptr<Database>> open_database(net::Reactor& reactor, std::string_view url) {
  auto path = sqlite_path(url);
  if (!path) return failure(path);
  auto opened = Sqlite::open(reactor, *path);
  if (!opened) return failure(opened);
  return std::move(*opened);
}

Result<std::unique_ptr<SqliteInline>> open_for_tool(std::string_view url) {
  auto path = sqlite_path(url);
  if (!path) return failure(path);
  return SqliteInline::open(*path);
}

}  // namespace perkline::hub::db
