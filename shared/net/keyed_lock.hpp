#pragma once

#include <memory>
#include <optional>
#include <string>

#include "shared/core/result.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::net {

/// Lets the calls for one key run one after another, in the order they came (the "strand" of a session).
/// One thread. A key nobody holds or awaits costs nothing.
class KeyedLock {
 public:
  struct State;

  /// Held until destroyed; hands the key to the next in line then. Belongs to the thread of the lock, which
  /// it may outlive.
  class Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept = default;
    Guard& operator=(Guard&& other) noexcept;
    ~Guard();

   private:
    friend class KeyedLock;
    Guard(std::shared_ptr<State> state, const std::string& held);
    std::shared_ptr<State> state_;
    const std::string* key_ = nullptr;  ///< The state's own, there for as long as it is held.
  };

  explicit KeyedLock(AsyncClock& clock);
  ~KeyedLock();

  /// Errors: timed_out when the key is still held by others at `deadline`; cancelled.
  Task<Result<Guard>> acquire(std::string key, MonoTime deadline);
  /// nullopt: others hold the key. Spares the coroutine where it is free, as it nearly always is.
  std::optional<Guard> try_acquire(const std::string& key);
  bool is_held(const std::string& key) const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace perkline::net
