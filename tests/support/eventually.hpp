#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace perkline::test {

/// Asks again and again until it is so; false when it is not so after `patience`. For what other threads and
/// processes do; what runs on a simulated clock needs no patience.
inline bool eventually(const std::function<bool()>& so,
                       std::chrono::seconds patience = std::chrono::seconds(30)) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!so()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace perkline::test
