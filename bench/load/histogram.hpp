#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace perkline::bench {

/// Durations in log-linear buckets, as HdrHistogram has them: 64 a power of two, so within 1.6 % of the true
/// value, from a nanosecond to 18 minutes. One thread; merge to add up.
class Histogram {
 public:
  void add(std::chrono::nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
    ++counts_[bucket_of(value)];
    ++total_;
  }
  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }
  std::uint64_t count() const { return total_; }

  /// The highest value of the bucket that holds the given share of all, 0 < share ≤ 1; 0 when empty.
  std::chrono::nanoseconds quantile(double share) const {
    if (total_ == 0) return {};
    auto wanted = static_cast<std::uint64_t>(std::llround(share * static_cast<double>(total_)));
    if (wanted == 0) wanted = 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::chrono::nanoseconds(static_cast<std::int64_t>(highest_of(i)));
    }
    return std::chrono::nanoseconds(static_cast<std::int64_t>(highest_of(counts_.size() - 1)));
  }

 private:
  static constexpr std::size_t sub_bits = 6;
  static constexpr std::size_t subs = std::size_t{1} << sub_bits;
  static constexpr std::size_t powers = 34;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < subs) return static_cast<std::size_t>(value);
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - sub_bits - 1;
    const std::size_t bucket = (shift + 1) * subs + static_cast<std::size_t>((value >> shift) - subs);
    return bucket < subs * (powers + 1) ? bucket : subs * (powers + 1) - 1;
  }
  static std::uint64_t highest_of(std::size_t bucket) {
    if (bucket < subs) return bucket;
    const std::size_t shift = bucket / subs - 1;
    return ((bucket % subs + subs + 1) << shift) - 1;
  }

  std::array<std::uint64_t, subs*(powers + 1)> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace perkline::bench
