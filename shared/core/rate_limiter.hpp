#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared/core/clock.hpp"
#include "shared/core/error.hpp"

namespace perkline {

/// When a caller may call again once it has used up what it has.
enum class Refill : std::uint8_t {
  gradual,  ///< A token bucket: call by call, as time goes by; all is there again after a window without any.
  at_once,  ///< All at the end of the window that its first call began: never more than that in one.
};

/// So many calls a window for each key. Counts in memory: each process for itself. One thread.
class RateLimiter {
 public:
  struct Options {
    std::int64_t calls_max = 0;  ///< 0: refuses nothing.
    Millis window{60'000};
    Refill refill = Refill::at_once;
    /// With one more, the key that has been known longest (gradual: that has called least lately) is
    /// forgotten, so that made-up keys cannot fill the memory.
    std::size_t keys_max = 100'000;
  };
  explicit RateLimiter(Options options);

  struct Verdict {
    bool admitted = true;
    Quota quota = {};  ///< A limit of 0: there is none.
  };
  /// Counts the call, unless it is refused. `now` never goes back.
  Verdict admit(std::string_view key, MonoTime now);
  /// What admit() would say; counts nothing.
  Verdict would_admit(std::string_view key, MonoTime now) const;

  /// Forgets the keys that have all their calls again, as admit() does on the way; how many those were. For
  /// a process that is not called for long.
  std::size_t forget_idle(MonoTime now);
  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string key;
    MonoTime since;         ///< at_once: its window's begin; gradual: its last call.
    std::int64_t used = 0;  ///< In calls times the window's nanoseconds, so that no fraction is lost.
  };
  using Buckets = std::list<Bucket>;

  bool has_call(const Bucket& bucket) const { return bucket.used <= window_ns() * (options_.calls_max - 1); }
  std::int64_t window_ns() const { return std::chrono::nanoseconds(options_.window).count(); }
  void forget_first();
  Bucket& bucket_of(std::string_view key, MonoTime now);
  void refill(Bucket& bucket, MonoTime now) const;
  Quota quota_of(const Bucket& bucket, MonoTime now) const;

  Options options_;
  Buckets buckets_;  ///< In the order of `since`: each is full again a window later.
  std::unordered_map<std::string_view, Buckets::iterator> by_key_;  ///< Keys are views of buckets_' own.
};

/// What a refused caller is told.
Error rate_limited(const Quota& quota, std::string detail);

}  // namespace perkline
