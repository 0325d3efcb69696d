#pragma once

#include <memory>
#include <string>

#include "shared/core/result.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::net {

/// Lets the calls for one key run one after another, in the order they came (the "strand" of a session).
/// One thread. A key nobody holds or awaits costs nothing.
class KeyedLock {
 public:
  /// Held until destroyed; hands the key to the next in line. May outlive neither the KeyedLock nor the thread.
  class Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept;
    Guard& operator=(Guard&& other) noexcept;
    ~Guard();

   private:
    friend class KeyedLock;
    Guard(KeyedLock* lock, std::string key);
    KeyedLock* lock_ = nullptr;
    std::string key_;
  };

  explicit KeyedLock(AsyncClock& clock);
  ~KeyedLock();

  /// Errors: timed_out when the key is still held by others at `deadline`.
  Task<Result<Guard>> acquire(std::string key, MonoTime deadline);
  bool is_held(const std::string& key) const;

 private:
  void release(const std::string& key);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perkline::net
