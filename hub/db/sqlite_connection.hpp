#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/db/database.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace perkline::hub::db {

/// One connection to an SQLite file in WAL mode, synchronous=FULL, with its prepared statements. One thread
/// at a time.
class SqliteConnection final : public Transaction {
 public:
  using Work = std::function<Result<void>(Transaction&)>;
  enum class Access : std::uint8_t { write, read };

  /// With write access it makes the file (mode 0600) where there is none; with read access it refuses every
  /// statement that writes. Errors: database_unavailable (no such folder, no rights), corrupt (no database).
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Access access);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<Rows> query(std::string_view sql, std::vector<Value> parameters = {}) override;
  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters = {}) override;
  Result<void> attempt(const std::function<Result<void>()>& work) override;
  std::string_view for_update() const override { return {}; }

  /// Runs `work` in a transaction of its own. Durable when it returns.
  Result<void> write(const Work& work);
  /// Runs `work` on one snapshot; what would write is refused.
  Result<void> read(const Work& work);

  // For reads that share one snapshot, which is taken with the first statement: begin_reads, add_read for
  // each, end_reads, also after a begin that failed.
  Result<void> begin_reads();
  Result<void> add_read(const Work& work);
  void end_reads();
  /// From here on calls `note` every millisecond or so that a statement takes.
  void on_long_statement(std::function<void()> note);

  /// All that is in the other one takes the place of what is here. Errors: as open.
  Result<void> copy_from(SqliteConnection& other);

  /// What takes back the changes of one write of a group that fails. A savepoint costs each write about a
  /// tenth of its time, so a group can do without: then one that fails after it has written something spoils
  /// the group, which is to be rolled back and run again by savepoints.
  enum class Undo : std::uint8_t { by_savepoint, by_running_again };

  // For writes that share one commit: begin_group, add_to_group for each, commit_group. An error of
  // add_to_group rolls back what that work did, and only that; an error of commit_group what all of them did.
  Result<void> begin_group(Undo undo);
  Result<void> add_to_group(const Work& work);
  /// Nothing but roll_back_group() makes sense any more.
  bool group_is_spoiled() const { return spoiled_; }
  void roll_back_group();
  /// Whether SQLite itself has given the whole transaction up (disk full, I/O error): adding makes no sense.
  bool group_is_lost() const;
  Result<void> commit_group();

  /// From here on commits leave their pages in the log, for checkpoint().
  void leave_pages_in_log();
  /// How many the log held after the last commit from then on.
  std::size_t log_pages() const { return log_pages_; }
  /// Brings what nobody reads any more of the log into the database. Waits for nobody, and others may write
  /// meanwhile. What fails is logged; it is tried again with the next.
  void checkpoint();

 private:
  struct Statement {
    sqlite3_stmt* handle = nullptr;
    bool only_reads = true;
    std::vector<std::size_t> parameters;  ///< For each of SQLite's indices the number behind its `$`.
    std::size_t parameter_count = 0;      ///< The highest of those numbers.
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  Result<void> set_up(Access access);
  Result<Statement*> prepare(std::string_view sql);
  Result<void> bind(const Statement& statement, std::string_view sql, const std::vector<Value>& parameters);
  /// Steps to the end, with each row to `take`.
  template <class Take>
  Result<void> run(std::string_view sql, const std::vector<Value>& parameters, Take&& take);
  void roll_back();
  void forget_statements();
  Error error_of(int code, std::string_view sql) const;

  sqlite3* handle_;
  bool reads_ = false;  ///< In read().
  Undo undo_ = Undo::by_savepoint;
  std::uint64_t statements_that_wrote_ = 0;  ///< Or could have.
  bool spoiled_ = false;
  std::size_t log_pages_ = 0;
  std::function<void()> note_long_;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> statements_;
};

}  // namespace perkline::hub::db
