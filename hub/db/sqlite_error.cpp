#include "hub/db/sqlite_error.hpp"

#include <sqlite3.h>

namespace perkline::hub::db {
namespace {

constexpr std::chrono::milliseconds retry_after{1'000};

Error unavailable(const char* detail) {
  return {.code = Errc::database_unavailable, .detail = detail, .retry_after = retry_after};
}

}  // namespace

Error sqlite_error(int extended_code) {
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return {.code = Errc::already_exists, .detail = "a unique key is taken"};
    case SQLITE_READONLY_DBMOVED:
      return unavailable("the database's file was moved or removed");
    default:
      break;
  }
  switch (extended_code & 0xff) {
    case SQLITE_CONSTRAINT:
      return {.code = Errc::validation_failed, .detail = "a rule of the schema is broken"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable("the database is locked by another process");
    case SQLITE_FULL:
      return {
          .code = Errc::storage_full, .detail = "the database's disk is full", .retry_after = retry_after};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {.code = Errc::corrupt, .detail = "the database's file is damaged or no database"};
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return unavailable("the database cannot be reached");
    default:
      return {.code = Errc::internal, .detail = "a statement is wrong"};
  }
}

}  // namespace perkline::hub::db
