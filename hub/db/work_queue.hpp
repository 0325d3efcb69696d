#pragma once

#include <atomic>
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

/// Work for threads, in the order it came. What the reactor's coroutines ask for in one go is handed over
/// together, so that a thread is woken once for it and not for each. Held by shared_ptr: what hands it over
/// may run, or go unrun, after the database.
class WorkQueue : public std::enable_shared_from_this<WorkQueue> {
 public:
  WorkQueue(net::Reactor& reactor, std::size_t waiting_max) : reactor_(reactor), waiting_max_(waiting_max) {}

  /// Awaits a thread that has run `work`, and gives its result. Reactor's thread. Errors: overloaded (so many
  /// wait already), what the thread finds.
  Task<Result<void>> run(std::function<Result<void>(Transaction&)> work);

  /// The next, as soon as there is one; nullptr once stopped.
  Operation* wait();
  /// The next; nullptr when there is none now.
  Operation* try_next();
  /// The next, if it was asked for by `moment`; nullptr else.
  Operation* try_next_queued_by(std::chrono::steady_clock::time_point moment);
  void stop();
  /// After stop() and the threads' end: nobody will resume those who still wait.
  void abandon_all();

 private:
  void push(Operation* operation);
  void hand_over();
  Operation* take();

  net::Reactor& reactor_;
  const std::size_t waiting_max_;
  std::vector<Operation*> gathered_;    ///< The reactor's thread's; handed over soon.
  std::atomic<std::size_t> count_ = 0;  ///< Of all that wait, gathered or handed over.
  std::mutex mutex_;
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
