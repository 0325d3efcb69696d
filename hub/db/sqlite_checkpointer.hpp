#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "hub/db/sqlite_connection.hpp"

namespace perkline::hub::db {

/// Brings the pages of SQLite's log into the database on a thread and a connection of its own, beside the
/// writer, who would stand still for as long otherwise.
class SqliteCheckpointer {
 public:
  explicit SqliteCheckpointer(std::unique_ptr<SqliteConnection> connection);
  /// Ends the round under way.
  ~SqliteCheckpointer();
  SqliteCheckpointer(const SqliteCheckpointer&) = delete;
  SqliteCheckpointer& operator=(const SqliteCheckpointer&) = delete;

  /// After each commit of the writer's, by its thread: begins a round where the log has come to `pages_max`,
  /// and ends what a round has left: the pages that came meanwhile. They are few, and only once there is
  /// nothing left does the log begin at its beginning again.
  void keep_log_short(SqliteConnection& writer, std::size_t pages_max);

 private:
  enum class Round : std::uint8_t { none, wanted, over };
  void run(SqliteConnection& connection);

  std::mutex mutex_;
  std::condition_variable changed_;
  Round round_ = Round::none;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace perkline::hub::db
