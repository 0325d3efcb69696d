#include "hub/db/postgres_url.hpp"

#include <memory>

#include <libpq-fe.h>

namespace perkline::hub::db {
namespace {

std::string between(std::string_view text, char quote) {
  std::string all(1, quote);
  for (const char c : text) all.append(c == quote ? 2 : 1, c);
  return all + quote;
}

}  // namespace

bool is_postgres_url(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

Result<std::string> postgres_database(std::string_view url) {
  const std::string text(url);
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(text.c_str(), &reason), PQconninfoFree);
  // It may hold a part of the URL, and so of the password.
  PQfreemem(reason);
  if (!options) return fail(Errc::validation_failed, "is no URL that PostgreSQL's library takes");
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "dbname" && option->val != nullptr && *option->val != '\0')
      return std::string(option->val);
  }
  return fail(Errc::validation_failed, "names no database: postgresql://user:password@host:port/name");
}

std::string sql_literal(std::string_view text) {
  return between(text, '\'');
}

std::string sql_identifier(std::string_view name) {
  return between(name, '"');
}

}  // namespace perkline::hub::db
