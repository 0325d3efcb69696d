#pragma once

#include <optional>
#include <utility>

#include "shared/core/result.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub {

template <class T>
Task<void> finish_task(net::Reactor& reactor, Task<Result<T>> task, std::optional<Result<T>>& result) {
  result.emplace(co_await std::move(task));
  reactor.stop();
}

/// Runs `task` to its end on `reactor`, which nobody else runs: for command-line tools.
template <class T>
Result<T> run_task(net::Reactor& reactor, Task<Result<T>> task) {
  std::optional<Result<T>> result;
  reactor.spawn(finish_task(reactor, std::move(task), result));
  reactor.run();
  return std::move(result.value());
}

}  // namespace perkline::hub
