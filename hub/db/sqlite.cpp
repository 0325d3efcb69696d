#include "hub/db/sqlite.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "hub/db/sqlite_connection.hpp"
#include "hub/db/until_called.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::size_t group_max = 256;
constexpr std::size_t waiting_max = 4096;
constexpr std::size_t readers = 2;
constexpr std::chrono::milliseconds overload_pause{1000};

/// One piece of work and who waits for it.
struct Job {
  std::function<Result<void>(Transaction&)> work;
  Result<void> result;
  std::function<void()> resume;  ///< Its caller's coroutine.
};
using JobPtr = std::shared_ptr<Job>;

/// Jobs on their way to the threads that run them.
class JobQueue {
 public:
  bool push(JobPtr job) {
    {
      const std::scoped_lock lock(mutex_);
      if (jobs_.size() >= waiting_max) return false;
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }
  /// Waits for work; empty when closed and nothing is left.
  std::vector<JobPtr> take(std::size_t count_max) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    std::vector<JobPtr> taken;
    while (!jobs_.empty() && taken.size() < count_max) {
      taken.push_back(std::move(jobs_.front()));
      jobs_.pop_front();
    }
    return taken;
  }
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<JobPtr> jobs_;
  bool closed_ = false;
};

/// Everyone's work in one transaction. Those whose own work failed keep their error; a commit that fails is
/// everyone's.
void write_group(SqliteConnection& connection, std::vector<JobPtr>& group) {
  const auto all_fail = [&](const Error& error) {
    for (const JobPtr& job : group) job->result = std::unexpected(error);
  };
  if (auto begun = connection.query("BEGIN IMMEDIATE", {}); !begun) return all_fail(begun.error());
  for (const JobPtr& job : group) {
    SqliteTransaction transaction(connection);
    job->result = in_savepoint(connection, [&] { return job->work(transaction); });
  }
  if (auto committed = connection.query("COMMIT", {}); !committed) {
    [[maybe_unused]] const auto rolled_back = connection.query("ROLLBACK", {});
    all_fail(committed.error());
  }
}

void read_one(SqliteConnection& connection, Job& job) {
  if (auto begun = connection.query("BEGIN", {}); !begun) {
    job.result = failure(begun);
    return;
  }
  SqliteTransaction transaction(connection);
  job.result = job.work(transaction);
  [[maybe_unused]] const auto ended = connection.query("ROLLBACK", {});
}

}  // namespace

struct Sqlite::State {
  explicit State(net::Reactor& given) : reactor(given) {}
  net::Reactor& reactor;
  JobQueue writes;
  JobQueue reads;
  std::vector<std::unique_ptr<SqliteConnection>> connections;
  std::vector<std::thread> threads;

  void serve_writes(SqliteConnection& connection) {
    for (auto group = writes.take(group_max); !group.empty(); group = writes.take(group_max)) {
      write_group(connection, group);
      tell(std::move(group));
    }
  }
  void serve_reads(SqliteConnection& connection) {
    for (auto job = reads.take(1); !job.empty(); job = reads.take(1)) {
      read_one(connection, *job.front());
      tell(std::move(job));
    }
  }
  void tell(std::vector<JobPtr> done) {
    reactor.post([jobs = std::move(done)] {
      for (const JobPtr& job : jobs) job->resume();
    });
  }

  static Task<Result<void>> run(JobQueue& queue, std::function<Result<void>(Transaction&)> work) {
    auto job = std::make_shared<Job>();
    job->work = std::move(work);
    bool taken = true;
    // Deaf to cancellation: the work may refer to what its caller's frame holds.
    co_await UntilCalled([&queue, &taken, job](UntilCalled::Resume resume) {
      job->resume = resume;
      taken = queue.push(job);
      if (!taken) resume();
    });
    if (!taken) {
      co_return fail(Error{.code = Errc::overloaded,
                           .detail = "too much waits for the database",
                           .retry_after = overload_pause});
    }
    co_return std::move(job->result);
  }
};

Sqlite::Sqlite(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Sqlite>> Sqlite::open(net::Reactor& reactor, const std::string& path) {
  auto state = std::make_unique<State>(reactor);
  for (std::size_t i = 0; i < 1 + readers; ++i) {
    auto connection = SqliteConnection::open(
        path, i == 0 ? SqliteConnection::Access::write : SqliteConnection::Access::read);
    if (!connection) return failure(connection);
    state->connections.push_back(std::move(*connection));
  }
  for (std::size_t i = 0; i < state->connections.size(); ++i) {
    state->threads.emplace_back([running = state.get(), i] {
      if (i == 0) {
        running->serve_writes(*running->connections[i]);
      } else {
        running->serve_reads(*running->connections[i]);
      }
    });
  }
  return std::unique_ptr<Sqlite>(new Sqlite(std::move(state)));
}

Sqlite::~Sqlite() {
  state_->writes.close();
  state_->reads.close();
  for (std::thread& thread : state_->threads) thread.join();
}

Task<Result<void>> Sqlite::write(std::function<Result<void>(Transaction&)> work) {
  return State::run(state_->writes, std::move(work));
}
Task<Result<void>> Sqlite::read(std::function<Result<void>(Transaction&)> work) {
  return State::run(state_->reads, std::move(work));
}

}  // namespace perkline::hub::db
