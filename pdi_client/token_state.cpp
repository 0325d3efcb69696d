#include "pdi_client/token_state.hpp"

#include <algorithm>
#include <utility>

#include "pdi_client/retry_after.hpp"
#include "shared/core/backoff.hpp"
#include "shared/core/planted.hpp"

namespace perkline::pdi {
namespace {

constexpr Millis skew_max = seconds{30};
constexpr Millis life_assumed = seconds{300};
constexpr seconds life_max = days{30};
constexpr Millis refresh_every = seconds{1};
constexpr Millis backoff_max = seconds{60};
constexpr Millis invalid_client_pause = minutes{5};

Millis life_of(std::optional<std::int64_t> expires_in) {
  const std::int64_t told = expires_in.value_or(0);
  return told <= 0 || told > life_max.count() ? life_assumed : seconds{told};
}

}  // namespace

std::optional<AccessToken> TokenState::usable(MonoTime now) const {
  if (!token_ || now >= expires_at_) return std::nullopt;
  return token_;
}

bool TokenState::wants_refresh(MonoTime now) const {
  if ((refreshing_ && !planted(PlantedBug::refresh_stampede)) || now < not_before_) return false;
  return !usable(now) || now >= proactive_at_ || renew_;
}

void TokenState::begin(MonoTime now) {
  refreshing_ = true;
  began_at_ = now;
  not_before_ = now + refresh_every;
}

void TokenState::succeeded(std::string text, std::optional<std::int64_t> expires_in) {
  const Millis life = life_of(expires_in);
  refreshing_ = false;
  failures_ = 0;
  if (!std::exchange(renew_, false)) forbidden_ = false;
  token_ = AccessToken{.text = std::move(text), .generation = ++generation_};
  proactive_at_ = began_at_ + life * 4 / 5;
  expires_at_ = began_at_ + life - std::min(skew_max, life / 10);
}

void TokenState::failed(Failed why, MonoTime now, Rng& rng) {
  refreshing_ = false;
  const Millis pause = why.invalid_client
                           ? invalid_client_pause
                           : std::max(refresh_every, full_jitter(rng, failures_, refresh_every, backoff_max));
  ++failures_;
  const Millis asked = why.retry_after ? stretched(*why.retry_after, rng) : Millis{0};
  not_before_ = now + std::max(pause, asked);
}

void TokenState::refused(std::uint64_t generation) {
  if (token_ && token_->generation == generation) token_.reset();
}

bool TokenState::forbidden(std::uint64_t generation) {
  if (!token_ || token_->generation != generation || std::exchange(forbidden_, true)) return false;
  renew_ = true;
  return true;
}

}  // namespace perkline::pdi
