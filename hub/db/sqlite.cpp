#include "hub/db/sqlite.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "hub/db/sqlite_connection.hpp"
#include "hub/db/until_called.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::chrono::milliseconds overloaded_retry_after{1'000};

/// One caller's work. It lives in the frame of the coroutine that awaits it, and `resume` owns that frame.
struct Operation {
  SqliteConnection::Work work;
  Result<void> result;
  UntilCalled::Resume resume;
};

/// Destroys the coroutine that waits for `operation`, which lives in its frame.
void abandon(Operation* operation) {
  const auto resume = std::move(operation->resume);
}

/// Work for threads, in the order it came.
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t waiting_max) : waiting_max_(waiting_max) {}

  /// Only the reactor's thread pushes, so what is not full for it stays so until it pushes.
  bool is_full() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.size() >= waiting_max_;
  }
  void push(Operation* operation) {
    {
      const std::scoped_lock lock(mutex_);
      waiting_.push_back(operation);
    }
    grown_.notify_one();
  }
  /// The next, as soon as there is one; nullptr once stopped.
  Operation* wait() {
    std::unique_lock lock(mutex_);
    grown_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
    return stopped_ ? nullptr : take();
  }
  /// The next; nullptr when there is none now.
  Operation* try_next() {
    const std::scoped_lock lock(mutex_);
    return stopped_ || waiting_.empty() ? nullptr : take();
  }
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    grown_.notify_all();
  }
  /// After stop() and the threads' end.
  std::deque<Operation*> left() { return std::move(waiting_); }

 private:
  Operation* take() {
    Operation* next = waiting_.front();
    waiting_.pop_front();
    return next;
  }

  const std::size_t waiting_max_;
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::deque<Operation*> waiting_;
  bool stopped_ = false;
};

/// Hands finished operations back to the reactor, in one task for as many as there are by then. Shared with
/// that task, which may run, or go unrun, after the database.
class Callers : public std::enable_shared_from_this<Callers> {
 public:
  explicit Callers(net::Reactor& reactor) : reactor_(reactor) {}
  ~Callers() {
    for (Operation* operation : finished_) abandon(operation);
  }

  void resume(std::span<Operation* const> operations) {
    {
      const std::scoped_lock lock(mutex_);
      finished_.insert(finished_.end(), operations.begin(), operations.end());
      if (std::exchange(posted_, true)) return;
    }
    reactor_.post([self = shared_from_this()] { self->resume_finished(); });
  }

 private:
  void resume_finished() {
    std::vector<Operation*> finished;
    {
      const std::scoped_lock lock(mutex_);
      finished.swap(finished_);
      posted_ = false;
    }
    for (Operation* operation : finished) {
      const auto resume = std::move(operation->resume);
      resume();
    }
  }

  net::Reactor& reactor_;
  std::mutex mutex_;
  std::vector<Operation*> finished_;
  bool posted_ = false;
};

Task<Result<void>> run_on(WorkQueue& queue, SqliteConnection::Work work) {
  if (queue.is_full()) {
    co_return fail(Error{.code = Errc::overloaded,
                         .detail = "too many wait for the database",
                         .retry_after = overloaded_retry_after});
  }
  Operation operation{.work = std::move(work), .result = {}, .resume = {}};
  co_await UntilCalled([&](UntilCalled::Resume resume) {
    operation.resume = std::move(resume);
    queue.push(&operation);
  });
  co_return std::move(operation.result);
}

}  // namespace

class Sqlite::Impl {
 public:
  Impl(net::Reactor& reactor, SqliteOptions options, std::unique_ptr<SqliteConnection> writer,
       std::vector<std::unique_ptr<SqliteConnection>> readers)
      : options_(options),
        callers_(std::make_shared<Callers>(reactor)),
        writes_(options.waiting_max),
        reads_(options.waiting_max) {
    threads_.emplace_back([this, connection = std::move(writer)] { run_writes(*connection); });
    for (auto& reader : readers) {
      threads_.emplace_back([this, connection = std::move(reader)] { run_reads(*connection); });
    }
  }

  ~Impl() {
    writes_.stop();
    reads_.stop();
    for (auto& thread : threads_) thread.join();
    for (WorkQueue* queue : {&writes_, &reads_}) {
      for (Operation* operation : queue->left()) abandon(operation);
    }
  }

  WorkQueue& writes() { return writes_; }
  WorkQueue& reads() { return reads_; }

 private:
  void run_writes(SqliteConnection& connection) {
    std::vector<Operation*> group;
    while (Operation* first = writes_.wait()) {
      group.clear();
      run_group(connection, first, group);
      callers_->resume(group);
    }
  }

  void run_group(SqliteConnection& connection, Operation* first, std::vector<Operation*>& group) {
    if (auto begun = connection.begin_group(); !begun) {
      // Whoever waits by now would wait for the same lock as long again.
      for (Operation* next = first; next != nullptr; next = writes_.try_next()) {
        next->result = fail(begun.error());
        group.push_back(next);
      }
      return;
    }
    const auto end = std::chrono::steady_clock::now() + options_.group_time;
    for (Operation* next = first; next != nullptr; next = writes_.try_next()) {
      next->result = connection.add_to_group(next->work);
      group.push_back(next);
      if (connection.group_is_lost() || group.size() >= options_.group_max) break;
      if (std::chrono::steady_clock::now() >= end) break;
    }
    auto committed = connection.commit_group();
    if (committed) return;
    for (Operation* operation : group) {
      if (operation->result) operation->result = fail(committed.error());
    }
  }

  void run_reads(SqliteConnection& connection) {
    while (Operation* next = reads_.wait()) {
      next->result = connection.read(next->work);
      callers_->resume(std::span(&next, 1));
    }
  }

  const SqliteOptions options_;
  std::shared_ptr<Callers> callers_;
  WorkQueue writes_;
  WorkQueue reads_;
  std::vector<std::thread> threads_;
};

Sqlite::Sqlite(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sqlite::~Sqlite() = default;

Result<std::unique_ptr<Sqlite>> Sqlite::open(net::Reactor& reactor, const std::string& path,
                                             SqliteOptions options) {
  auto writer = SqliteConnection::open(path, SqliteConnection::Access::write);
  if (!writer) return failure(writer);
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  for (std::size_t i = 0; i < options.readers; ++i) {
    auto reader = SqliteConnection::open(path, SqliteConnection::Access::read);
    if (!reader) return failure(reader);
    readers.push_back(std::move(*reader));
  }
  return std::unique_ptr<Sqlite>(
      new Sqlite(std::make_unique<Impl>(reactor, options, std::move(*writer), std::move(readers))));
}

Task<Result<void>> Sqlite::write(std::function<Result<void>(Transaction&)> work) {
  return run_on(impl_->writes(), std::move(work));
}

Task<Result<void>> Sqlite::read(std::function<Result<void>(Transaction&)> work) {
  return run_on(impl_->reads(), std::move(work));
}

}  // namespace perkline::hub::db
