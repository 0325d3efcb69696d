#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "hub/db/database.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace perkline::hub::db {

/// One connection to a SQLite file in WAL mode, synchronous=FULL, with its prepared statements. One thread at
/// a time.
class SqliteConnection {
 public:
  enum class Access : std::uint8_t { write, read };
  /// Errors: database_unavailable (cannot be opened, or not a database).
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Access access);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// Errors: those of Transaction::query.
  Result<Rows> query(std::string_view sql, const std::vector<Value>& parameters);
  Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters);

 private:
  SqliteConnection() = default;
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  Result<sqlite3_stmt*> bound(std::string_view sql, const std::vector<Value>& parameters);
  Error translated(int code, std::string_view sql) const;

  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

/// The transaction under way on a connection. Whoever makes it has begun one and ends it.
class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}
  Result<Rows> query(std::string_view sql, std::vector<Value> parameters) override {
    return connection_.query(sql, parameters);
  }
  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    return connection_.execute(sql, parameters);
  }
  Result<void> attempt(const std::function<Result<void>()>& work) override;

 private:
  SqliteConnection& connection_;
};

/// Runs `work` in a savepoint of the transaction under way.
Result<void> in_savepoint(SqliteConnection& connection, const std::function<Result<void>()>& work);

}  // namespace perkline::hub::db
