#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace perkline::test {

/// Runs `call(i)` for every i below `calls`, `threads` at a time.
inline void at_once(int threads, int calls, const std::function<void(int)>& call) {
  std::atomic<int> next = 0;
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      for (int mine = next++; mine < calls; mine = next++) call(mine);
    });
  }
}

}  // namespace perkline::test
