#pragma once

#include <memory>
#include <string>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

class SqliteConnection;

/// SQLite without threads: work runs at once where it is awaited. For command-line tools and the simulation.
class SqliteInline final : public Database {
 public:
  /// Errors: database_unavailable.
  static Result<std::unique_ptr<SqliteInline>> open(const std::string& path);
  ~SqliteInline() override;

  Engine engine() const override { return Engine::sqlite; }
  Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) override;

  /// The same without a coroutine, for command-line tools.
  Result<void> write_now(const std::function<Result<void>(Transaction&)>& work);
  Result<void> read_now(const std::function<Result<void>(Transaction&)>& work);

 private:
  explicit SqliteInline(std::unique_ptr<SqliteConnection> connection);
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace perkline::hub::db
