#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "shared/core/result.hpp"
#include "shared/net/task.hpp"

/// The hub's database as modules see it: SQL that SQLite and PostgreSQL (and engines that speak its protocol)
/// both take.
namespace perkline::hub::db {

/// A parameter or a column. Blobs go as Blob so that they are not taken for text; a text holds no NUL.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
using Value = std::variant<std::nullptr_t, std::int64_t, std::string, Blob>;

/// One row of a query's answer; columns by position. Asking for a column as what it is not is a bug of ours:
/// asserts.
class Row {
 public:
  explicit Row(std::vector<Value> columns) : columns_(std::move(columns)) {}
  bool is_null(std::size_t column) const {
    return std::holds_alternative<std::nullptr_t>(columns_.at(column));
  }
  std::int64_t integer(std::size_t column) const;
  const std::string& text(std::size_t column) const;
  const std::string& blob(std::size_t column) const;
  std::optional<std::int64_t> optional_integer(std::size_t column) const;
  std::optional<std::string> optional_text(std::size_t column) const;
  std::size_t size() const { return columns_.size(); }

 private:
  std::vector<Value> columns_;
};
using Rows = std::vector<Row>;

/// A statement with its parameters; the text outlives the call, or is made for it.
struct Statement {
  std::string_view sql;
  std::vector<Value> parameters = {};
  std::string made = {};  ///< Instead of `sql`.
  std::string_view text() const { return made.empty() ? sql : made; }
};

/// Inside read() or write(). Parameters are `$1`, `$2`, … Statements are prepared once and kept, so their
/// text must not hold values. After a statement that failed only the end of the work, or of the attempt()
/// around it, is portable: PostgreSQL takes no other statement then.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Errors: already_exists (a unique or primary key), validation_failed (a check or foreign key, a value
  /// that the column or the engine cannot hold), database_unavailable, overloaded, storage_full, corrupt,
  /// internal (the statement itself is wrong).
  virtual Result<Rows> query(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  /// query() of each, in this order; the rows of all. An engine behind a socket is asked all at once. After
  /// one that failed none is run. Errors: the first one's.
  virtual Result<Rows> query_all(std::vector<Statement> statements) {
    Rows rows;
    for (Statement& each : statements) {
      auto found = query(each.text(), std::move(each.parameters));
      if (!found) return found;
      std::ranges::move(*found, std::back_inserter(rows));
    }
    return rows;
  }
  /// The number of rows changed.
  virtual Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  /// execute() of what nobody asks the outcome of: an engine behind a socket is told along with the next
  /// statement, or with the commit. What is wrong with it is then that one's error, within an attempt() its
  /// work's at the latest.
  virtual Result<void> defer(Statement statement) {
    auto done = execute(statement.text(), std::move(statement.parameters));
    if (!done) return failure(done);
    return {};
  }
  /// Runs `work` so that its error takes back what it did and nothing else: a savepoint. Gives `work`'s
  /// result.
  virtual Result<void> attempt(const std::function<Result<void>()>& work) = 0;
  /// What ends a SELECT inside write() whose rows are to stay as read until the end of the work: ` FOR
  /// UPDATE`, or nothing where there is but one writer. Whoever locks several rows of a table reads them in
  /// ascending key order, so that two never wait for one another.
  virtual std::string_view for_update() const = 0;
  /// Whether a parameter may be an array, as text, and unnest() makes rows of several: for BulkStatement.
  virtual bool has_arrays() const { return false; }
  /// Inside write(), for work that does nothing else: comes back once every other write that was under way
  /// has ended, so that whatever it has written is there or never will be. At once where there is but one
  /// writer. Errors: those of query().
  virtual Result<void> outlast_others() { return {}; }
  /// How long one statement may take from here to the end of the work, where the engine has a limit: for work
  /// that is known to be long, as migrations are.
  virtual void allow(std::chrono::milliseconds a_statement) { static_cast<void>(a_statement); }
};

/// Which engine serves; only migrations and adapters ask (a few column types have no common name).
enum class Engine : std::uint8_t { sqlite = 1, postgresql };

/// Runs work in transactions, off the reactor. Reactor's thread.
class Database {
 public:
  virtual ~Database() = default;
  virtual Engine engine() const = 0;

  /// Runs `work` in one transaction and returns after its commit is durable. An error returned by `work`
  /// rolls back all it did, and only that. `work` may be run more than once (serialisation conflicts), so it
  /// must have no effect but through the transaction and must assign, not append, to what it captures. Never
  /// cancelled half-way: whoever gives up on it returns only when it has ended, so that `work` may refer to
  /// what its caller holds. Errors: those of `work`; database_unavailable; storage_full; overloaded (too many
  /// wait).
  virtual Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) = 0;

  /// Runs `work` on a consistent snapshot; whatever it writes is an error.
  virtual Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) = 0;
};

/// write() with a result: `co_await write_for<Balance>(database, [=](Transaction& t) -> Result<Balance> { …
/// })`.
template <class T>
Task<Result<T>> write_for(Database& database, std::function<Result<T>(Transaction&)> work) {
  std::optional<T> value;
  auto done =
      co_await database.write([&value, work = std::move(work)](Transaction& transaction) -> Result<void> {
        auto result = work(transaction);
        if (!result) return failure(result);
        value = std::move(*result);
        return {};
      });
  if (!done) co_return failure(done);
  co_return std::move(*value);
}

template <class T>
Task<Result<T>> read_for(Database& database, std::function<Result<T>(Transaction&)> work) {
  std::optional<T> value;
  auto done =
      co_await database.read([&value, work = std::move(work)](Transaction& transaction) -> Result<void> {
        auto result = work(transaction);
        if (!result) return failure(result);
        value = std::move(*result);
        return {};
      });
  if (!done) co_return failure(done);
  co_return std::move(*value);
}

}  // namespace perkline::hub::db
