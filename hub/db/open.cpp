#include "hub/db/open.hpp"

#include <filesystem>

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
  if (if_missing == IfMissing::fail && !std::filesystem::exists(path, unreadable))
    return fail(Errc::not_found, "there is no database " + path);
  return as<InlineDatabase>(SqliteInline::open(path));
}

}  // namespace perkline::hub::db
