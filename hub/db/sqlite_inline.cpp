#include "hub/db/sqlite_inline.hpp"

#include "hub/db/sqlite_connection.hpp"

namespace perkline::hub::db {

Result<std::unique_ptr<SqliteInline>> SqliteInline::open(const std::string& path) {
  auto connection = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!connection) return failure(connection);
  return std::unique_ptr<SqliteInline>(new SqliteInline(std::move(*connection)));
}

SqliteInline::SqliteInline(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)) {}
SqliteInline::~SqliteInline() = default;

Result<void> SqliteInline::write_now(const Work& work) {
  return connection_->write(work);
}

Result<void> SqliteInline::read_now(const Work& work) {
  if (auto closed = connection_->execute("PRAGMA query_only = ON"); !closed) return failure(closed);
  auto done = connection_->read(work);
  if (auto open = connection_->execute("PRAGMA query_only = OFF"); !open) return failure(open);
  return done;
}

}  // namespace perkline::hub::db
