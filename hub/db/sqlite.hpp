#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "hub/db/database.hpp"

namespace perkline::net {
class Reactor;
}

namespace perkline::hub::db {

struct SqliteOptions {
  std::size_t waiting_max = 4'096;  ///< Writes, and likewise reads, that may wait; more get overloaded.
  std::size_t readers = 2;
  /// A group takes in what waits until it holds so many writes or has run so long; then it commits.
  std::size_t group_max = 512;
  std::chrono::milliseconds group_time{20};
  /// At so many pages in its log they are brought into the database.
  std::size_t log_pages_max = 10'000;
};

/// SQLite with group commit: one writer thread runs the writes that wait in one transaction, commits them
/// together and then resumes all their callers in one go; readers work on snapshots beside it, on connections
/// and threads of their own. A write that fails after it has written something has its group rolled back and
/// run again, each write in a savepoint of its own then. Other processes may use the same file (busy
/// timeout 10 s).
class Sqlite final : public Database {
 public:
  /// Makes the file if it is not there. `reactor` must outlive the database; its thread is the one that
  /// calls. Errors: database_unavailable, corrupt.
  static Result<std::unique_ptr<Sqlite>> open(net::Reactor& reactor, const std::string& path,
                                              SqliteOptions options = {});
  /// Ends the work in progress; who still waits for its turn is never resumed. Reactor's thread, or after its
  /// end.
  ~Sqlite() override;

  Engine engine() const override { return Engine::sqlite; }
  Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) override;

 private:
  class Impl;
  explicit Sqlite(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::hub::db
