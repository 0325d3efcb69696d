#include "hub/db/sqlite_connection.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

#include "hub/db/sqlite_error.hpp"
#include "shared/core/assert.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::db {
namespace {

constexpr int busy_timeout_ms = 10'000;
/// Our statements are few and fixed; more than this means that somebody puts values into their text.
constexpr std::size_t statements_max = 512;

/// WAL with FULL: a commit is on disk when it returns. temp_store keeps the savepoints' undo pages off the
/// disk. The checkpoint is rarer than SQLite's own 1,000 pages because it costs a sync of the whole file; the
/// daemon's writer leaves it to SqliteCheckpointer.
constexpr const char* writer_set_up =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 10000;"
    "PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF";
constexpr const char* reader_set_up =
    "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;"
    "PRAGMA trusted_schema = OFF";

constexpr std::string_view in_memory = ":memory:";

/// Of SQLite's virtual machine, which makes some tens of millions of them a second.
constexpr int note_every_steps = 20'000;

/// SQLite would make it readable for everybody; it holds password hashes. A file that is there is not opened:
/// closing it would take away all locks that this process has on it (POSIX), and the next process to end
/// would, as the last one it knows of, delete the log that is being written here.
void make_private_file(const std::string& path) {
  if (path == in_memory) return;
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

/// Once for the process and before all else: SQLite would count its memory under one lock for all threads.
void count_no_memory() {
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int bind_value(sqlite3_stmt* statement, int index, const Value& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
    int operator()(const std::string& text) const {
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(const Blob& blob) const {
      return sqlite3_bind_blob64(statement, index, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC);
    }
  };
  return std::visit(Binder{statement, index}, value);
}

/// nullopt for a floating-point value, which our schema does not know.
std::optional<Value> column_value(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return Value(std::int64_t{sqlite3_column_int64(statement, column)});
    case SQLITE_TEXT:
      return Value(bytes(sqlite3_column_text(statement, column)));
    case SQLITE_BLOB:
      return Value(Blob{bytes(sqlite3_column_blob(statement, column))});
    case SQLITE_NULL:
      return Value(nullptr);
    default:
      return std::nullopt;
  }
}

/// For each of SQLite's parameters, by index, the number behind its `$`: to SQLite `$1` is a name like any
/// other, numbered in the order of appearance. Errors: internal, also for a text without a statement.
Result<std::vector<std::size_t>> parameter_numbers(sqlite3_stmt* statement) {
  if (statement == nullptr) return fail(Errc::internal, "no statement");
  std::vector<std::size_t> numbers;
  for (int index = 1; index <= sqlite3_bind_parameter_count(statement); ++index) {
    const char* name = sqlite3_bind_parameter_name(statement, index);
    const std::string_view text = name == nullptr ? std::string_view() : std::string_view(name);
    std::size_t number = 0;
    if (text.starts_with('$')) std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (number == 0) return fail(Errc::internal, "a parameter that is not $1, $2, …");
    numbers.push_back(number);
  }
  return numbers;
}

std::unexpected<Error> given_up() {
  return fail(Errc::database_unavailable, "the transaction was given up");
}

/// Ends a statement's run however its reader leaves, and lets go of the parameters it only referred to.
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
  count_no_memory();
  if (access == Access::write) make_private_file(path);
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  // There is a handle even with most errors, and it is to be closed.
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
  if (opened != SQLITE_OK) return fail(connection->error_of(opened, "open"));
  if (auto ready = connection->set_up(access); !ready) return failure(ready);
  return connection;
}

SqliteConnection::~SqliteConnection() {
  forget_statements();
  sqlite3_close(handle_);
}

Result<void> SqliteConnection::set_up(Access access) {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  const char* script = access == Access::write ? writer_set_up : reader_set_up;
  if (const int code = sqlite3_exec(handle_, script, nullptr, nullptr, nullptr); code != SQLITE_OK) {
    return fail(error_of(code, script));
  }
  if (access == Access::read) return {};
  auto mode = query("PRAGMA journal_mode");
  if (!mode) return failure(mode);
  if (mode->front().text(0) != "wal" && mode->front().text(0) != "memory") {
    return fail(Errc::database_unavailable, "the database's file system does not carry SQLite's WAL mode");
  }
  return {};
}

Result<SqliteConnection::Statement*> SqliteConnection::prepare(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return &known->second;
  if (statements_.size() >= statements_max) forget_statements();

  Statement statement;
  const char* rest = nullptr;
  const int prepared = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &statement.handle, &rest);
  if (prepared != SQLITE_OK) return fail(error_of(prepared, sql));
  const std::string_view behind(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  auto numbers = behind.find_first_not_of(" \t\n;") == std::string_view::npos
                     ? parameter_numbers(statement.handle)
                     : fail(Errc::internal, "more than one statement");
  if (!numbers) {
    sqlite3_finalize(statement.handle);
    return failure(numbers);
  }
  statement.only_reads = sqlite3_stmt_readonly(statement.handle) != 0;
  statement.parameters = std::move(*numbers);
  if (!statement.parameters.empty()) statement.parameter_count = std::ranges::max(statement.parameters);
  return &statements_.emplace(sql, std::move(statement)).first->second;
}

Result<void> SqliteConnection::bind(const Statement& statement, std::string_view sql,
                                    const std::vector<Value>& parameters) {
  if (statement.parameter_count != parameters.size()) {
    return fail(Errc::internal, "a statement with " + std::to_string(statement.parameter_count) +
                                    " parameters got " + std::to_string(parameters.size()));
  }
  for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
    const Value& value = parameters[statement.parameters[i] - 1];
    if (const auto* text = std::get_if<std::string>(&value); text && text->contains('\0'))
      return fail(Errc::validation_failed, "a text holds a NUL");
    const int bound = bind_value(statement.handle, static_cast<int>(i + 1), value);
    if (bound != SQLITE_OK) return fail(error_of(bound, sql));
  }
  return {};
}

template <class Take>
Result<void> SqliteConnection::run(std::string_view sql, const std::vector<Value>& parameters, Take&& take) {
  auto statement = prepare(sql);
  if (!statement) return failure(statement);
  sqlite3_stmt* handle = (*statement)->handle;
  // Here, not by `PRAGMA query_only`: each switch of that has SQLite prepare every statement anew.
  if (reads_ && !(*statement)->only_reads) return fail(Errc::internal, "a read's statement writes");
  const Reset reset(handle);
  if (auto bound = bind(**statement, sql, parameters); !bound) return bound;
  if (!(*statement)->only_reads) ++statements_that_wrote_;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
    if (auto taken = take(handle); !taken) return taken;
  }
  if (code != SQLITE_DONE) return fail(error_of(code, sql));
  return {};
}

Result<Rows> SqliteConnection::query(std::string_view sql, std::vector<Value> parameters) {
  Rows rows;
  auto done = run(sql, parameters, [&](sqlite3_stmt* statement) -> Result<void> {
    const int count = sqlite3_column_count(statement);
    std::vector<Value> columns;
    columns.reserve(static_cast<std::size_t>(count));
    for (int column = 0; column < count; ++column) {
      auto value = column_value(statement, column);
      if (!value) return fail(Errc::internal, "a column holds a floating-point number");
      columns.push_back(std::move(*value));
    }
    rows.emplace_back(std::move(columns));
    return {};
  });
  if (!done) return failure(done);
  return rows;
}

Result<std::int64_t> SqliteConnection::execute(std::string_view sql, std::vector<Value> parameters) {
  const auto before = sqlite3_total_changes64(handle_);
  auto done = run(sql, parameters, [](sqlite3_stmt*) { return Result<void>(); });
  if (!done) return failure(done);
  // sqlite3_changes speaks of the last statement that could change rows, which need not be this one.
  return sqlite3_total_changes64(handle_) == before ? 0 : sqlite3_changes64(handle_);
}

Result<void> SqliteConnection::attempt(const std::function<Result<void>()>& work) {
  // Of savepoints of one name the innermost is meant, so attempts nest.
  if (auto marked = execute("SAVEPOINT perkline_attempt"); !marked) return failure(marked);
  auto done = work();
  if (group_is_lost() && done) return given_up();
  if (group_is_lost()) return done;
  if (!done) {
    if (auto undone = execute("ROLLBACK TO SAVEPOINT perkline_attempt"); !undone) return failure(undone);
  }
  if (auto released = execute("RELEASE SAVEPOINT perkline_attempt"); !released) return failure(released);
  return done;
}

Result<void> SqliteConnection::write(const Work& work) {
  if (auto begun = begin_group(Undo::by_savepoint); !begun) return begun;
  auto done = add_to_group(work);
  auto committed = commit_group();
  return done ? committed : done;
}

Result<void> SqliteConnection::read(const Work& work) {
  if (auto begun = begin_reads(); !begun) return begun;
  auto done = add_read(work);
  end_reads();
  return done;
}

Result<void> SqliteConnection::begin_reads() {
  auto begun = execute("BEGIN DEFERRED");
  if (!begun) return failure(begun);
  return {};
}

Result<void> SqliteConnection::add_read(const Work& work) {
  reads_ = true;
  auto done = work(*this);
  reads_ = false;
  return done;
}

void SqliteConnection::end_reads() {
  if (group_is_lost()) return;
  // Cheaper than to roll back what has written nothing.
  if (!execute("COMMIT")) roll_back();
}

void SqliteConnection::on_long_statement(std::function<void()> note) {
  note_long_ = std::move(note);
  const auto call = [](void* self) {
    static_cast<SqliteConnection*>(self)->note_long_();
    return 0;
  };
  sqlite3_progress_handler(handle_, note_every_steps, call, this);
}

Result<void> SqliteConnection::copy_from(SqliteConnection& other) {
  forget_statements();
  sqlite3_backup* copy = sqlite3_backup_init(handle_, "main", other.handle_, "main");
  if (copy == nullptr) return fail(error_of(SQLITE_ERROR, "copy"));
  sqlite3_backup_step(copy, -1);
  if (const int code = sqlite3_backup_finish(copy); code != SQLITE_OK) return fail(error_of(code, "copy"));
  return {};
}

Result<void> SqliteConnection::begin_group(Undo undo) {
  spoiled_ = false;
  auto begun = execute("BEGIN IMMEDIATE");
  if (!begun) return failure(begun);
  undo_ = undo;
  return {};
}

Result<void> SqliteConnection::add_to_group(const Work& work) {
  if (undo_ == Undo::by_savepoint) return attempt([&] { return work(*this); });
  const auto written_before = statements_that_wrote_;
  auto done = work(*this);
  spoiled_ = !done && statements_that_wrote_ != written_before;
  if (done && group_is_lost()) return given_up();
  return done;
}

void SqliteConnection::roll_back_group() {
  spoiled_ = false;
  roll_back();
}

bool SqliteConnection::group_is_lost() const {
  return sqlite3_get_autocommit(handle_) != 0;
}

Result<void> SqliteConnection::commit_group() {
  if (group_is_lost()) return given_up();
  auto committed = execute("COMMIT");
  if (committed) return {};
  roll_back();
  return failure(committed);
}

void SqliteConnection::leave_pages_in_log() {
  const auto note = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteConnection*>(self)->log_pages_ = static_cast<std::size_t>(pages);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, note, this);
}

void SqliteConnection::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  // Busy: another process is at it.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) static_cast<void>(error_of(code, "checkpoint"));
}

void SqliteConnection::roll_back() {
  if (group_is_lost()) return;
  // Fails only where SQLite has rolled back by itself.
  [[maybe_unused]] const auto done = execute("ROLLBACK");
  PERKLINE_ASSERT(group_is_lost());
}

void SqliteConnection::forget_statements() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement.handle);
  statements_.clear();
}

Error SqliteConnection::error_of(int code, std::string_view sql) const {
  const int extended = handle_ == nullptr ? code : sqlite3_extended_errcode(handle_);
  Error error = sqlite_error(extended);
  // A taken key or a broken check is an answer; the rest somebody has to mend. SQLite's text names tables and
  // columns, never values, and goes no further than the log.
  if (error.code != Errc::already_exists && error.code != Errc::validation_failed) {
    const std::string_view reason = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
    ops::log(ops::Level::error, "db", error.detail,
             {{"code", std::int64_t{extended}}, {"reason", reason}, {"sql", sql.substr(0, 200)}});
  }
  return error;
}

}  // namespace perkline::hub::db
