#include "hub/db/sqlite.hpp"

#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "hub/db/sqlite_checkpointer.hpp"
#include "hub/db/sqlite_connection.hpp"
#include "hub/db/work_queue.hpp"

namespace perkline::hub::db {
namespace {

using Undo = SqliteConnection::Undo;

/// After a group that had to be run again so many go by savepoints: writes that fail come in rows.
constexpr int spoiled_for = 64;

}  // namespace

class Sqlite::Impl {
 public:
  Impl(net::Reactor& reactor, SqliteOptions options, std::unique_ptr<SqliteConnection> writer,
       std::unique_ptr<SqliteConnection> checkpointer, std::vector<std::unique_ptr<SqliteConnection>> readers)
      : options_(options),
        checkpointer_(std::move(checkpointer)),
        callers_(std::make_shared<Callers>(reactor)),
        writes_(std::make_shared<WorkQueue>(reactor, options.waiting_max)),
        reads_(std::make_shared<WorkQueue>(reactor, options.waiting_max)) {
    threads_.emplace_back([this, connection = std::move(writer)] { run_writes(*connection); });
    for (auto& reader : readers) {
      threads_.emplace_back([this, connection = std::move(reader)] { run_reads(*connection); });
    }
  }

  ~Impl() {
    writes_->stop();
    reads_->stop();
    for (auto& thread : threads_) thread.join();
    for (const auto& queue : {writes_, reads_}) queue->abandon_all();
  }

  WorkQueue& writes() { return *writes_; }
  WorkQueue& reads() { return *reads_; }

 private:
  void run_writes(SqliteConnection& connection) {
    std::vector<Operation*> group;
    while (Operation* first = writes_->wait()) {
      group.clear();
      run_group(connection, first, group);
      callers_->resume(group);
      checkpointer_.keep_log_short(connection, options_.log_pages_max);
    }
  }

  void run_group(SqliteConnection& connection, Operation* first, std::vector<Operation*>& group) {
    const Undo undo = groups_by_savepoint_ > 0 ? Undo::by_savepoint : Undo::by_running_again;
    if (groups_by_savepoint_ > 0) --groups_by_savepoint_;
    if (auto begun = connection.begin_group(undo); !begun) {
      // Whoever waits by now would wait for the same lock as long again.
      for (Operation* next = first; next != nullptr; next = writes_->try_next()) {
        next->result = fail(begun.error());
        group.push_back(next);
      }
      return;
    }
    const auto end = std::chrono::steady_clock::now() + options_.group_time;
    for (Operation* next = first; next != nullptr; next = writes_->try_next()) {
      next->result = connection.add_to_group(next->work);
      group.push_back(next);
      if (connection.group_is_lost() || connection.group_is_spoiled()) break;
      if (group.size() >= options_.group_max || std::chrono::steady_clock::now() >= end) break;
    }
    const bool again = connection.group_is_spoiled() && !connection.group_is_lost();
    auto ended = again ? run_again(connection, group) : Result<void>();
    if (ended) ended = connection.commit_group();
    if (ended) return;
    for (Operation* operation : group) {
      if (operation->result) operation->result = fail(ended.error());
    }
  }

  /// Leaves the results of those it does not come to as they are.
  Result<void> run_again(SqliteConnection& connection, const std::vector<Operation*>& group) {
    groups_by_savepoint_ = spoiled_for;
    connection.roll_back_group();
    if (auto begun = connection.begin_group(Undo::by_savepoint); !begun) return begun;
    for (Operation* operation : group) {
      operation->result = connection.add_to_group(operation->work);
      if (connection.group_is_lost()) break;
    }
    return {};
  }

  void run_reads(SqliteConnection& connection) {
    std::vector<Operation*> done;
    const auto resume = [&] {
      if (!done.empty()) callers_->resume(done);
      done.clear();
    };
    // Who was quick does not wait for one that is slow.
    connection.on_long_statement(resume);
    while (Operation* first = reads_->wait()) {
      // One snapshot for all that were asked for before it is taken: each sees what its caller has seen.
      const auto began = std::chrono::steady_clock::now();
      const auto begun = connection.begin_reads();
      for (Operation* next = first; next != nullptr; next = reads_->try_next_queued_by(began)) {
        next->result = begun ? connection.add_read(next->work) : begun;
        done.push_back(next);
        const bool is_long = std::chrono::steady_clock::now() - began >= options_.group_time;
        if (is_long || done.size() >= options_.group_max || connection.group_is_lost()) break;
      }
      connection.end_reads();
      resume();
    }
  }

  const SqliteOptions options_;
  SqliteCheckpointer checkpointer_;
  std::shared_ptr<Callers> callers_;
  std::shared_ptr<WorkQueue> writes_;
  std::shared_ptr<WorkQueue> reads_;
  int groups_by_savepoint_ = 0;  ///< The writer's thread's.
  std::vector<std::thread> threads_;
};

Sqlite::Sqlite(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sqlite::~Sqlite() = default;

Result<std::unique_ptr<Sqlite>> Sqlite::open(net::Reactor& reactor, const std::string& path,
                                             SqliteOptions options) {
  auto writer = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!writer) return failure(writer);
  (*writer)->leave_pages_in_log();
  auto checkpointer = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!checkpointer) return failure(checkpointer);
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  for (std::size_t i = 0; i < options.readers; ++i) {
    auto reader = SqliteConnection::open(path, SqliteConnection::Access::read);
    if (!reader) return failure(reader);
    readers.push_back(std::move(*reader));
  }
  return std::unique_ptr<Sqlite>(new Sqlite(std::make_unique<Impl>(
      reactor, options, std::move(*writer), std::move(*checkpointer), std::move(readers))));
}

Task<Result<void>> Sqlite::write(std::function<Result<void>(Transaction&)> work) {
  return impl_->writes().run(std::move(work));
}

Task<Result<void>> Sqlite::read(std::function<Result<void>(Transaction&)> work) {
  return impl_->reads().run(std::move(work));
}

}  // namespace perkline::hub::db
