#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared/core/clock.hpp"

namespace perkline::pdi {

/// What was counted in the last seconds, in buckets of one second. `Counts` is zero when made and adds up
/// with
/// `+=`. Pure; time is monotonic, and no `now` is before an earlier one.
template <class Counts>
class SlidingWindow {
 public:
  /// `length` > 0.
  explicit SlidingWindow(seconds length) : buckets_(static_cast<std::size_t>(length.count())) {}

  /// The current second's, to be added to.
  Counts& at(MonoTime now) {
    const std::int64_t second = second_of(now);
    Bucket& bucket = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
    if (bucket.second != second) bucket = {.second = second};
    return bucket.counts;
  }
  Counts sum(MonoTime now) const {
    const std::int64_t before = second_of(now) - static_cast<std::int64_t>(buckets_.size());
    Counts sum;
    for (const Bucket& bucket : buckets_) {
      if (bucket.second > before) sum += bucket.counts;
    }
    return sum;
  }
  void clear() { buckets_.assign(buckets_.size(), Bucket{}); }

 private:
  struct Bucket {
    std::int64_t second = INT64_MIN;
    Counts counts = {};
  };
  static std::int64_t second_of(MonoTime now) {
    return std::chrono::floor<seconds>(now.time_since_epoch()).count();
  }

  std::vector<Bucket> buckets_;
};

}  // namespace perkline::pdi
