#include "hub/db/sqlite_inline.hpp"

#include "hub/db/sqlite_connection.hpp"

namespace perkline::hub::db {

Result<std::unique_ptr<SqliteInline>> SqliteInline::open(const std::string& path) {
  auto writer = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!writer) return failure(writer);
  auto reader = SqliteConnection::open(path, SqliteConnection::Access::read);
  if (!reader) return failure(reader);
  return std::unique_ptr<SqliteInline>(new SqliteInline(std::move(*writer), std::move(*reader)));
}

SqliteInline::SqliteInline(std::unique_ptr<SqliteConnection> writer, std::unique_ptr<SqliteConnection> reader)
    : writer_(std::move(writer)), reader_(std::move(reader)) {}
SqliteInline::~SqliteInline() = default;

Task<Result<void>> SqliteInline::write(std::function<Result<void>(Transaction&)> work) {
  co_return write_now(work);
}

Task<Result<void>> SqliteInline::read(std::function<Result<void>(Transaction&)> work) {
  co_return read_now(work);
}

Result<void> SqliteInline::write_now(const std::function<Result<void>(Transaction&)>& work) {
  return writer_->write(work);
}

Result<void> SqliteInline::read_now(const std::function<Result<void>(Transaction&)>& work) {
  return reader_->read(work);
}

}  // namespace perkline::hub::db
