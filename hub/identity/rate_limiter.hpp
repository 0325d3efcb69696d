#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared/core/clock.hpp"

namespace perkline::hub::identity {

/// So many calls in a window that begins with a key's first call. Counts in memory: each replica of a hub for
/// itself. One thread.
class RateLimiter {
 public:
  struct Options {
    std::int64_t calls_max = 0;  ///< 0: refuses nothing.
    Millis window{60'000};
    /// With one more the key whose window began first is forgotten, so that made-up keys cannot fill the
    /// memory.
    std::size_t keys_max = 100'000;
  };
  explicit RateLimiter(Options options) : options_(options) {}

  struct Verdict {
    bool admitted = true;
    std::int64_t limit = 0;  ///< Calls a window; 0: there is no limit.
    std::int64_t remaining = 0;
    Millis reset{0};  ///< Until the window ends.
  };
  /// Counts the call, unless it is refused. `now` never goes back.
  Verdict admit(std::string_view key, MonoTime now);

  std::size_t keys() const { return windows_.size(); }

 private:
  struct Window {
    std::string key;
    MonoTime begin;
    std::int64_t calls = 0;
  };
  using Windows = std::list<Window>;

  void forget_first();
  Windows::iterator window_of(std::string_view key, MonoTime now);

  Options options_;
  Windows windows_;  ///< In the order they began, which is the order they end in.
  std::unordered_map<std::string_view, Windows::iterator> by_key_;  ///< Keys are views of windows_' own.
};

}  // namespace perkline::hub::identity
