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
  // Only the reactor's thread adds to it, so what is not full now stays so until it does.
  if (count_ >= waiting_max_) {
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

void WorkQueue::push(Operation* operation) {
  ++count_;
  gathered_.push_back(operation);
  if (gathered_.size() > 1) return;
  // Behind whatever else the reactor has ready to run by now.
  reactor_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->hand_over();
  });
}

void WorkQueue::hand_over() {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.insert(waiting_.end(), gathered_.begin(), gathered_.end());
  }
  gathered_.size() == 1 ? grown_.notify_one() : grown_.notify_all();
  gathered_.clear();
}

Operation* WorkQueue::wait() {
  std::unique_lock lock(mutex_);
  grown_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
  return stopped_ ? nullptr : take();
}

Operation* WorkQueue::try_next() {
  return try_next_queued_by(std::chrono::steady_clock::time_point::max());
}

Operation* WorkQueue::try_next_queued_by(std::chrono::steady_clock::time_point moment) {
  const std::scoped_lock lock(mutex_);
  if (stopped_ || waiting_.empty() || waiting_.front()->queued_at > moment) return nullptr;
  return take();
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
  for (Operation* operation : std::exchange(gathered_, {})) abandon(operation);
}

Operation* WorkQueue::take() {
  Operation* next = waiting_.front();
  waiting_.pop_front();
  --count_;
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
