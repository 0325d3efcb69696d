#include "hub/db/sqlite_connection.hpp"

#include <sqlite3.h>

#include "shared/core/assert.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::db {
namespace {

constexpr int busy_timeout_ms = 10'000;
constexpr std::size_t statements_max = 512;

bool bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return sqlite3_bind_int64(statement, index, *number) == SQLITE_OK;
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8) ==
           SQLITE_OK;
  }
  if (const auto* blob = std::get_if<Blob>(&value)) {
    if (blob->bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0) == SQLITE_OK;
    return sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(), SQLITE_TRANSIENT) ==
           SQLITE_OK;
  }
  return sqlite3_bind_null(statement, index) == SQLITE_OK;
}

Value column(sqlite3_stmt* statement, int index) {
  const auto bytes = [&](const void* data) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
    return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
  };
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
    case SQLITE_TEXT:
      return bytes(sqlite3_column_text(statement, index));
    case SQLITE_BLOB:
      return Blob{bytes(sqlite3_column_blob(statement, index))};
    case SQLITE_NULL:
      return nullptr;
    default:
      break;
  }
  PERKLINE_ASSERT(false);  // no floating point in our schema
}

/// Gives a statement back on every path, so that it holds no lock and no parameter.
class Reset {
 public:
  explicit Reset(sqlite3_stmt* statement) : statement_(statement) {}
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;
  ~Reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Access access) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection());
  const int opened = sqlite3_open_v2(
      path.c_str(), &connection->handle_,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (opened != SQLITE_OK) return fail(Errc::database_unavailable, path + " cannot be opened");
  sqlite3_busy_timeout(connection->handle_, busy_timeout_ms);
  for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                             "PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY",
                             access == Access::read ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF"}) {
    if (auto set = connection->query(pragma, {}); !set)
      return fail(Errc::database_unavailable, path + " is not a usable database");
  }
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Error SqliteConnection::translated(int code, std::string_view sql) const {
  const auto error = [&](Errc errc, const char* detail) {
    return Error{.code = errc,
                 .detail = detail,
                 .retry_after = errc == Errc::database_unavailable
                                    ? std::optional(std::chrono::milliseconds(1000))
                                    : std::nullopt};
  };
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return error(Errc::already_exists, "the row is there already");
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return error(Errc::validation_failed, "a constraint does not hold");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return error(Errc::database_unavailable, "the database is busy");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      ops::log(ops::Level::error, "db", "the database is damaged", {{"code", std::int64_t{code}}});
      return error(Errc::corrupt, "the database is damaged");
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      ops::log(ops::Level::error, "db", "the database cannot be read or written",
               {{"code", std::int64_t{code}}});
      return error(Errc::database_unavailable, "the database cannot be read or written");
    default:
      break;
  }
  ops::log(ops::Level::error, "db", "a statement failed", {{"sql", sql}, {"error", sqlite3_errmsg(handle_)}});
  return error(Errc::internal, "a statement failed");
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql) {
  const auto found = statements_.find(std::string(sql));
  if (found != statements_.end()) return found->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(translated(code, sql));
  if (statements_.size() >= statements_max) {
    sqlite3_finalize(statements_.begin()->second);
    statements_.erase(statements_.begin());
  }
  statements_.emplace(std::string(sql), statement);
  return statement;
}

Result<sqlite3_stmt*> SqliteConnection::bound(std::string_view sql, const std::vector<Value>& parameters) {
  auto statement = prepare(sql);
  if (!statement) return statement;
  const int wanted = sqlite3_bind_parameter_count(*statement);
  PERKLINE_ASSERT(wanted == static_cast<int>(parameters.size()));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    // SQLite numbers named parameters by their first use; the port numbers them by name.
    const int index = sqlite3_bind_parameter_index(*statement, ("$" + std::to_string(i + 1)).c_str());
    PERKLINE_ASSERT(index > 0);
    if (!bind(*statement, index, parameters[i])) return fail(Errc::internal, "a parameter cannot be bound");
  }
  return statement;
}

Result<Rows> SqliteConnection::query(std::string_view sql, const std::vector<Value>& parameters) {
  const auto statement = bound(sql, parameters);
  if (!statement) return std::unexpected(statement.error());
  const Reset reset(*statement);
  Rows rows;
  while (true) {
    const int code = sqlite3_step(*statement);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return fail(translated(code, sql));
    std::vector<Value> columns;
    const int count = sqlite3_column_count(*statement);
    columns.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) columns.push_back(column(*statement, i));
    rows.emplace_back(std::move(columns));
  }
}

Result<std::int64_t> SqliteConnection::execute(std::string_view sql, const std::vector<Value>& parameters) {
  const auto rows = query(sql, parameters);
  if (!rows) return std::unexpected(rows.error());
  return static_cast<std::int64_t>(sqlite3_changes64(handle_));
}

Result<void> in_savepoint(SqliteConnection& connection, const std::function<Result<void>()>& work) {
  if (auto begun = connection.query("SAVEPOINT work", {}); !begun) return failure(begun);
  auto result = work();
  if (!result) {
    if (auto back = connection.query("ROLLBACK TO work", {}); !back) return failure(back);
  }
  if (auto released = connection.query("RELEASE work", {}); !released) return failure(released);
  return result;
}

Result<void> SqliteTransaction::attempt(const std::function<Result<void>()>& work) {
  return in_savepoint(connection_, work);
}

}  // namespace perkline::hub::db
