#include "hub/db/sqlite_inline.hpp"

#include "hub/db/sqlite_connection.hpp"

namespace perkline::hub::db {

SqliteInline::SqliteInline(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)) {}
SqliteInline::~SqliteInline() = default;

Result<std::unique_ptr<SqliteInline>> SqliteInline::open(const std::string& path) {
  auto connection = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!connection) return failure(connection);
  return std::unique_ptr<SqliteInline>(new SqliteInline(std::move(*connection)));
}

Result<void> SqliteInline::write_now(const std::function<Result<void>(Transaction&)>& work) {
  if (auto begun = connection_->query("BEGIN IMMEDIATE", {}); !begun) return failure(begun);
  SqliteTransaction transaction(*connection_);
  auto result = work(transaction);
  if (result) {
    auto committed = connection_->query("COMMIT", {});
    if (committed) return {};
    result = failure(committed);
  }
  [[maybe_unused]] const auto rolled_back = connection_->query("ROLLBACK", {});
  return result;
}

Result<void> SqliteInline::read_now(const std::function<Result<void>(Transaction&)>& work) {
  if (auto only = connection_->query("PRAGMA query_only = ON", {}); !only) return failure(only);
  auto result = [&]() -> Result<void> {
    if (auto begun = connection_->query("BEGIN", {}); !begun) return failure(begun);
    SqliteTransaction transaction(*connection_);
    auto read = work(transaction);
    [[maybe_unused]] const auto ended = connection_->query("ROLLBACK", {});
    return read;
  }();
  if (auto any = connection_->query("PRAGMA query_only = OFF", {}); !any) return failure(any);
  return result;
}

Task<Result<void>> SqliteInline::write(std::function<Result<void>(Transaction&)> work) {
  co_return write_now(work);
}
Task<Result<void>> SqliteInline::read(std::function<Result<void>(Transaction&)> work) {
  co_return read_now(work);
}

}  // namespace perkline::hub::db
