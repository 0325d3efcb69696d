#include "hub/db/work_queue.hpp"

#include <utility>

#include "shared/net/reactor.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::chrono::milliseconds overloaded_retry_after{1'000};

}  // namespace

void abandon(Operation* operation) {
  const auto resume = std::move(operation->resume);
}

Task<Result<void>> WorkQueue::run(std::function<Result<void>(Transaction&)> work) {
  if (is_full()) {
    co_return fail(Error{.code = Errc::overloaded,
                         .detail = "too many wait for the database",
                         .retry_after = overloaded_retry_after});
  }
  Operation operation{
      .work = std::move(work), .result = {}, .resume = {}, .queued_at = std::chrono::steady_clock::now()};
  co_await UntilCalled([&](UntilCalled::Resume resume) {
    operation.resume = std::move(resume);
    push(&operation);
  });
  co_return std::move(operation.result);
}

bool WorkQueue::is_full() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size() >= waiting_max_;
}

void WorkQueue::push(Operation* operation) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(operation);
  }
  grown_.notify_one();
}

Operation* WorkQueue::wait() {
  std::unique_lock lock(mutex_);
  grown_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
  return stopped_ ? nullptr : take();
}

Operation* WorkQueue::try_next() {
  const std::scoped_lock lock(mutex_);
  return stopped_ || waiting_.empty() ? nullptr : take();
}

void WorkQueue::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  grown_.notify_all();
}

void WorkQueue::abandon_all() {
  for (Operation* operation : std::exchange(waiting_, {})) abandon(operation);
}

Operation* WorkQueue::take() {
  Operation* next = waiting_.front();
  waiting_.pop_front();
  return next;
}

Callers::~Callers() {
  for (Operation* operation : finished_) abandon(operation);
}

void Callers::resume(std::span<Operation* const> operations) {
  {
    const std::scoped_lock lock(mutex_);
    finished_.insert(finished_.end(), operations.begin(), operations.end());
    if (std::exchange(posted_, true)) return;
  }
  reactor_.post([self = shared_from_this()] { self->resume_finished(); });
}

void Callers::resume_finished() {
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

}  // namespace perkline::hub::db
