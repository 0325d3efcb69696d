#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace perkline::bench {

/// Durations in log-linear buckets, as HdrHistogram has them: 1,024 a power of two, so within three
/// significant digits of the true value, from a nanosecond to two hours. One thread; merge to add up.
class Histogram {
 public:
  struct Bucket {
    std::chrono::nanoseconds upper;  ///< The highest value in it.
    std::uint64_t count;
  };

  void add(std::chrono::nanoseconds duration, std::uint64_t count = 1) {
    longest_ = std::max(longest_, duration);
    const std::size_t bucket =
        bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += count;
    total_ += count;
  }
  void merge(const Histogram& other) {
    if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    longest_ = std::max(longest_, other.longest_);
  }

  /// With what was not asked while one answer was waited for, had calls been made every `expected`: for a
  /// duration of n of them also n-1, n-2 … of them. It corrects what is known as coordinated omission.
  Histogram corrected(std::chrono::nanoseconds expected) const {
    Histogram all = *this;
    if (expected.count() <= 0) return all;
    for (const Bucket& bucket : buckets()) {
      for (auto missed = bucket.upper - expected; missed >= expected; missed -= expected)
        all.add(missed, bucket.count);
    }
    return all;
  }

  std::uint64_t count() const { return total_; }
  std::chrono::nanoseconds longest() const { return longest_; }

  /// The highest value of the bucket that holds the given share of all, 0 < share ≤ 1, but never more than
  /// the longest; 0 when empty.
  std::chrono::nanoseconds quantile(double share) const {
    if (total_ == 0) return {};
    const auto wanted = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(total_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= static_cast<std::uint64_t>(wanted)) return std::min(upper_of(i), longest_);
    }
    return longest_;
  }

  /// Those that hold any, shortest first.
  std::vector<Bucket> buckets() const {
    std::vector<Bucket> all;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > 0) all.push_back({std::min(upper_of(i), longest_), counts_[i]});
    }
    return all;
  }

 private:
  static constexpr std::size_t sub_bits = 10;
  static constexpr std::size_t subs = std::size_t{1} << sub_bits;
  static constexpr std::uint64_t highest = (std::uint64_t{1} << 43) - 1;

  static std::size_t bucket_of(std::uint64_t value) {
    value = std::min(value, highest);
    if (value < subs) return static_cast<std::size_t>(value);
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - sub_bits - 1;
    return (shift + 1) * subs + static_cast<std::size_t>((value >> shift) - subs);
  }
  static std::chrono::nanoseconds upper_of(std::size_t bucket) {
    if (bucket < subs) return std::chrono::nanoseconds(static_cast<std::int64_t>(bucket));
    const std::size_t shift = bucket / subs - 1;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(((bucket % subs + subs + 1) << shift) - 1));
  }

  std::vector<std::uint64_t> counts_;  ///< As far as any is.
  std::uint64_t total_ = 0;
  std::chrono::nanoseconds longest_{};
};

}  // namespace perkline::bench
