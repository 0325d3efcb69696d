#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/db/until_called.hpp"

namespace perkline::net {
class Reactor;
}

/// What the adapters with threads share: how a coroutine's work gets to a thread and back.
namespace perkline::hub::db {

/// One caller's work. It lives in the frame of the coroutine that awaits it, and `resume` owns that frame.
struct Operation {
  std::function<Result<void>(Transaction&)> work;
  Result<void> result;
  UntilCalled::Resume resume;
  std::chrono::steady_clock::time_point queued_at;
};

/// Destroys the coroutine that waits for `operation`, which lives in its frame.
void abandon(Operation* operation);

/// Work for threads, in the order it came.
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t waiting_max) : waiting_max_(waiting_max) {}

  /// Awaits a thread that has run `work`, and gives its result. Reactor's thread. Errors: overloaded (so many
  /// wait already), what the thread finds.
  Task<Result<void>> run(std::function<Result<void>(Transaction&)> work);

  /// The next, as soon as there is one; nullptr once stopped.
  Operation* wait();
  /// The next; nullptr when there is none now.
  Operation* try_next();
  void stop();
  /// After stop() and the threads' end: nobody will resume those who still wait.
  void abandon_all();

 private:
  /// Only the reactor's thread pushes, so what is not full for it stays so until it pushes.
  bool is_full() const;
  void push(Operation* operation);
  Operation* take();

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
  ~Callers();
  void resume(std::span<Operation* const> operations);

 private:
  void resume_finished();

  net::Reactor& reactor_;
  std::mutex mutex_;
  std::vector<Operation*> finished_;
  bool posted_ = false;
};

}  // namespace perkline::hub::db
