#pragma once

#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "shared/net/reactor.hpp"

namespace perkline::test {

/// A reactor on a thread of its own.
class RunningReactor {
 public:
  RunningReactor() : thread_([this] { reactor_.run(); }) {}
  ~RunningReactor() {
    reactor_.stop();
    thread_.join();
  }
  net::Reactor& operator*() { return reactor_; }
  net::Reactor* operator->() { return &reactor_; }

  /// Runs `work` there and waits for it.
  void run(std::function<void()> work) {
    std::promise<void> done;
    reactor_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  /// Runs a task there to its end.
  template <class T>
  T await(Task<T> task) {
    std::promise<T> promise;
    reactor_.spawn(fulfil(std::move(task), promise));
    return promise.get_future().get();
  }

 private:
  template <class T>
  static Task<void> fulfil(Task<T> task, std::promise<T>& promise) {
    promise.set_value(co_await std::move(task));
  }
  static Task<void> fulfil(Task<void> task, std::promise<void>& promise) {
    co_await std::move(task);
    promise.set_value();
  }

  net::Reactor reactor_;
  std::thread thread_;
};

}  // namespace perkline::test
