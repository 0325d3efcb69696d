#include "hub/db/open.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/db/postgres.hpp"
#include "hub/db/postgres_inline.hpp"
#include "hub/db/postgres_url.hpp"
#include "hub/db/sqlite.hpp"
#include "hub/db/sqlite_inline.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

template <class To, class From>
Result<std::unique_ptr<To>> as(Result<std::unique_ptr<From>> opened) {
  if (!opened) return failure(opened);
  return std::move(*opened);
}

/// An empty file in which SQLite makes a new database. What root makes so is the folder's owner's, whom the
/// daemon runs as; SQLite gives what it puts beside a database to that one's owner. Errors: io_failed.
Result<void> make_file(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  struct ::stat owner{};
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return fail(Errc::io_failed, path.string() + " cannot be made");
  const bool given = ::geteuid() != 0 ||
                     (::stat(folder.c_str(), &owner) == 0 && ::fchown(file, owner.st_uid, owner.st_gid) == 0);
  ::close(file);
  if (!given) return fail(Errc::io_failed, path.string() + " cannot be given to its folder's owner");
  return {};
}

}  // namespace

Result<Engine> engine_of(std::string_view url) {
  if (url.starts_with(sqlite_scheme) && url.size() > sqlite_scheme.size()) return Engine::sqlite;
  if (!is_postgres_url(url)) {
    return fail(Errc::validation_failed, "must be sqlite:PATH or postgresql://user:password@host:port/name");
  }
  if (auto named = postgres_database(url); !named) return failure(named);
  return Engine::postgresql;
}

Result<std::string> sqlite_path(std::string_view url) {
  const auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  if (*engine != Engine::sqlite) return fail(Errc::validation_failed, "must be sqlite:PATH");
  return std::string(url.substr(sqlite_scheme.size()));
}

Result<std::unique_ptr<Database>> open_database(net::Reactor& reactor, std::string_view url) {
  const auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  if (*engine == Engine::postgresql) return as<Database>(Postgres::open(reactor, std::string(url)));
  return as<Database>(Sqlite::open(reactor, *sqlite_path(url)));
}

Result<std::unique_ptr<InlineDatabase>> open_for_tool(std::string_view url, IfMissing if_missing) {
  const auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  if (*engine == Engine::postgresql) {
    const auto missing =
        if_missing == IfMissing::make ? PostgresInline::IfMissing::make : PostgresInline::IfMissing::fail;
    return as<InlineDatabase>(PostgresInline::open(std::string(url), missing));
  }
  const std::string path = *sqlite_path(url);
  std::error_code unreadable;
  if (path != ":memory:" && !std::filesystem::exists(path, unreadable)) {
    if (if_missing == IfMissing::fail) return fail(Errc::not_found, "there is no database " + path);
    if (auto made = make_file(path); !made) return failure(made);
  }
  return as<InlineDatabase>(SqliteInline::open(path));
}

}  // namespace perkline::hub::db
