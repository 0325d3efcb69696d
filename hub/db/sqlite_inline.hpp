#pragma once

#include <memory>
#include <string>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

class SqliteConnection;

/// The same engine without threads: work runs at once on the caller's thread and each write commits by
/// itself. For the simulation, where one thread must do everything, and for command-line tools, which have no
/// reactor and use the `_now` calls. One thread.
class SqliteInline final : public Database {
 public:
  /// Makes the file if it is not there; `:memory:` is a database that goes with this. Errors:
  /// database_unavailable, corrupt.
  static Result<std::unique_ptr<SqliteInline>> open(const std::string& path);
  ~SqliteInline() override;

  Engine engine() const override { return Engine::sqlite; }
  Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) override;

  /// As write() and read(), without a coroutine.
  Result<void> write_now(const std::function<Result<void>(Transaction&)>& work);
  Result<void> read_now(const std::function<Result<void>(Transaction&)>& work);

 private:
  explicit SqliteInline(std::unique_ptr<SqliteConnection> connection);
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace perkline::hub::db
