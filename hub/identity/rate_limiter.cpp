#include "hub/identity/rate_limiter.hpp"

namespace perkline::hub::identity {

RateLimiter::Verdict RateLimiter::admit(std::string_view key, MonoTime now) {
  if (options_.calls_max == 0) return {};
  while (!windows_.empty() && windows_.front().begin + options_.window <= now) forget_first();

  const auto window = window_of(key, now);
  const bool admitted = window->calls < options_.calls_max;
  if (admitted) ++window->calls;
  return {.admitted = admitted,
          .limit = options_.calls_max,
          .remaining = options_.calls_max - window->calls,
          .reset = std::chrono::ceil<Millis>(window->begin + options_.window - now)};
}

RateLimiter::Windows::iterator RateLimiter::window_of(std::string_view key, MonoTime now) {
  if (const auto known = by_key_.find(key); known != by_key_.end()) return known->second;
  if (windows_.size() >= options_.keys_max) forget_first();
  windows_.push_back({.key = std::string(key), .begin = now});
  const auto added = std::prev(windows_.end());
  by_key_.emplace(added->key, added);
  return added;
}

void RateLimiter::forget_first() {
  by_key_.erase(windows_.front().key);
  windows_.pop_front();
}

}  // namespace perkline::hub::identity
