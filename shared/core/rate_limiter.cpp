#include "shared/core/rate_limiter.hpp"

#include <algorithm>
#include <limits>

#include "shared/core/assert.hpp"

namespace perkline {

using std::chrono::nanoseconds;

RateLimiter::RateLimiter(Options options) : options_(options) {
  PERKLINE_ASSERT(options_.window > Millis{0} && options_.keys_max > 0);
  PERKLINE_ASSERT(options_.calls_max >= 0 &&
                  options_.calls_max <= std::numeric_limits<std::int64_t>::max() / window_ns());
}

RateLimiter::Verdict RateLimiter::admit(std::string_view key, MonoTime now) {
  if (options_.calls_max == 0) return {};
  forget_idle(now);
  Bucket& bucket = bucket_of(key, now);
  refill(bucket, now);
  const bool admitted = has_call(bucket);
  if (admitted) bucket.used += window_ns();
  return {.admitted = admitted, .quota = quota_of(bucket, now)};
}

RateLimiter::Verdict RateLimiter::would_admit(std::string_view key, MonoTime now) const {
  const auto known = by_key_.find(key);
  if (known == by_key_.end() || known->second->since + options_.window <= now) return {};
  Bucket bucket = *known->second;
  refill(bucket, now);
  return {.admitted = has_call(bucket), .quota = quota_of(bucket, now)};
}

std::size_t RateLimiter::forget_idle(MonoTime now) {
  std::size_t count = 0;
  for (; !buckets_.empty() && buckets_.front().since + options_.window <= now; ++count) forget_first();
  return count;
}

RateLimiter::Bucket& RateLimiter::bucket_of(std::string_view key, MonoTime now) {
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    if (options_.refill == Refill::gradual) buckets_.splice(buckets_.end(), buckets_, known->second);
    return *known->second;
  }
  if (buckets_.size() >= options_.keys_max) forget_first();
  buckets_.push_back({.key = std::string(key), .since = now});
  by_key_.emplace(buckets_.back().key, std::prev(buckets_.end()));
  return buckets_.back();
}

void RateLimiter::refill(Bucket& bucket, MonoTime now) const {
  if (options_.refill == Refill::at_once) return;
  const std::int64_t passed = std::min(nanoseconds(now - bucket.since).count(), window_ns());
  bucket.used = std::max<std::int64_t>(0, bucket.used - passed * options_.calls_max);
  bucket.since = now;
}

Quota RateLimiter::quota_of(const Bucket& bucket, MonoTime now) const {
  const std::int64_t capacity = window_ns() * options_.calls_max;
  const nanoseconds until_full = options_.refill == Refill::gradual
                                     ? nanoseconds(bucket.used / options_.calls_max)
                                     : nanoseconds(bucket.since + options_.window - now);
  return {.limit = options_.calls_max,
          .remaining = (capacity - bucket.used) / window_ns(),
          .reset = std::chrono::ceil<Millis>(until_full)};
}

void RateLimiter::forget_first() {
  by_key_.erase(buckets_.front().key);
  buckets_.pop_front();
}

Error rate_limited(const Quota& quota, std::string detail) {
  return {
      .code = Errc::rate_limited, .detail = std::move(detail), .retry_after = quota.reset, .quota = quota};
}

}  // namespace perkline
