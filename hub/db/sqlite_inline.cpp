#include "hub/db/sqlite_inline.hpp"

#include "hub/db/sqlite_connection.hpp"

namespace perkline::hub::db {

Result<std::unique_ptr<SqliteInline>> SqliteInline::open(const std::string& path) {
  auto connection = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!connection) return failure(connection);
  return std::unique_ptr<SqliteInline>(new SqliteInline(std::move(*connection)));
}

Result<std::unique_ptr<SqliteInline>> SqliteInline::copy_in_memory(SqliteInline& original) {
  auto connection = SqliteConnection::open(":memory:", SqliteConnection::Access::write);
  if (!connection) return failure(connection);
  if (auto copied = (*connection)->copy_from(*original.connection_); !copied) return failure(copied);
  return std::unique_ptr<SqliteInline>(new SqliteInline(std::move(*connection)));
}

SqliteInline::SqliteInline(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)) {}
SqliteInline::~SqliteInline() = default;

Result<void> SqliteInline::write_now(const Work& work) {
  return connection_->write(work);
}

Result<void> SqliteInline::read_now(const Work& work) {
  return connection_->read(work);
}

}  // namespace perkline::hub::db
