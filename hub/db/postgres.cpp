#include "hub/db/postgres.hpp"

#include <span>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "hub/db/postgres_runner.hpp"
#include "hub/db/postgres_url.hpp"
#include "hub/db/work_queue.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::db {
namespace {

using Access = PostgresConnection::Access;

/// Readable for ever once it is set.
class Flag {
 public:
  Flag() : fd_(::eventfd(0, EFD_CLOEXEC)) { PERKLINE_ASSERT(fd_ >= 0); }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { ::close(fd_); }
  int fd() const { return fd_; }
  void set() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }

 private:
  int fd_;
};

Error waited_too_long() {
  return {.code = Errc::database_unavailable,
          .detail = "the database takes too long",
          .retry_after = std::chrono::seconds{1}};
}

}  // namespace

class Postgres::Impl {
 public:
  Impl(net::Reactor& reactor, const std::string& url, PostgresOptions options)
      : options_(options),
        callers_(std::make_shared<Callers>(reactor)),
        writes_(std::make_shared<WorkQueue>(reactor, options.waiting_max)),
        reads_(std::make_shared<WorkQueue>(reactor, options.waiting_max)) {
    const PostgresTarget target{.url = url,
                                .connect_timeout = options.connect_timeout,
                                .statement_timeout = options.statement_timeout,
                                .create_if_missing = true,
                                .interrupt = ending_.fd()};
    const auto start = [&](std::size_t count, Access access, WorkQueue& queue) {
      for (std::size_t i = 0; i < count; ++i)
        threads_.emplace_back([this, target, access, &queue] { serve(queue, target, access); });
    };
    start(options.writers, Access::write, *writes_);
    start(options.readers, Access::read, *reads_);
  }

  ~Impl() {
    writes_->stop();
    reads_->stop();
    ending_.set();
    for (auto& thread : threads_) thread.join();
    for (const auto& queue : {writes_, reads_}) queue->abandon_all();
  }

  WorkQueue& writes() { return *writes_; }
  WorkQueue& reads() { return *reads_; }

 private:
  void serve(WorkQueue& queue, const PostgresTarget& target, Access access) {
    PostgresRunner runner(target, access, gate_);
    while (true) {
      Operation* next = queue.try_next();
      if (next == nullptr) {
        runner.settle();
        next = queue.wait();
      }
      if (next == nullptr) return;
      const auto give_up = next->queued_at + options_.retry_for;
      next->result = std::chrono::steady_clock::now() < give_up ? runner.run(next->work, give_up)
                                                                : fail(waited_too_long());
      callers_->resume(std::span(&next, 1));
    }
  }

  const PostgresOptions options_;
  const Flag ending_;
  PostgresGate gate_;
  std::shared_ptr<Callers> callers_;
  std::shared_ptr<WorkQueue> writes_;
  std::shared_ptr<WorkQueue> reads_;
  std::vector<std::thread> threads_;
};

Postgres::Postgres(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Postgres::~Postgres() = default;

Result<std::unique_ptr<Postgres>> Postgres::open(net::Reactor& reactor, const std::string& url,
                                                 PostgresOptions options) {
  if (auto named = postgres_database(url); !named) return failure(named);
  return std::unique_ptr<Postgres>(new Postgres(std::make_unique<Impl>(reactor, url, options)));
}

Task<Result<void>> Postgres::write(std::function<Result<void>(Transaction&)> work) {
  return impl_->writes().run(std::move(work));
}

Task<Result<void>> Postgres::read(std::function<Result<void>(Transaction&)> work) {
  return impl_->reads().run(std::move(work));
}

}  // namespace perkline::hub::db
