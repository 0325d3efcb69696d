#pragma once

#include <memory>
#include <string>

#include "hub/db/inline_database.hpp"

namespace perkline::hub::db {

class SqliteConnection;

/// The same engine as Sqlite, each write committed by itself.
class SqliteInline final : public InlineDatabase {
 public:
  /// Makes the file if it is not there; `:memory:` is a database that goes with this. Errors:
  /// database_unavailable, corrupt.
  static Result<std::unique_ptr<SqliteInline>> open(const std::string& path);
  /// Another one like it, which goes with what is given. While neither is in a transaction. Errors:
  /// database_unavailable.
  static Result<std::unique_ptr<SqliteInline>> copy_in_memory(SqliteInline& original);
  ~SqliteInline() override;

  Engine engine() const override { return Engine::sqlite; }
  Result<void> write_now(const Work& work) override;
  Result<void> read_now(const Work& work) override;

 private:
  explicit SqliteInline(std::unique_ptr<SqliteConnection> connection);
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace perkline::hub::db
