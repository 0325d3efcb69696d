#include "pdi_client/token_state.hpp"

#include <algorithm>

#include "shared/core/backoff.hpp"

namespace perkline::pdi {
namespace {

constexpr seconds skew{30};
constexpr seconds life_assumed{300};
constexpr seconds life_max{86'400};
constexpr seconds refresh_every{1};
constexpr seconds backoff_max{60};
constexpr minutes invalid_client_pause{5};

}  // namespace

std::optional<AccessToken> TokenState::usable(MonoTime now) const {
  if (!token_ || now >= expires_at_) return std::nullopt;
  return token_;
}

bool TokenState::wants_refresh(MonoTime now) const {
  if (refreshing_ || now < not_before_) return false;
  return !usable(now) || now >= proactive_at_;
}

void TokenState::begin(MonoTime now) {
  refreshing_ = true;
  not_before_ = now + refresh_every;
}

void TokenState::succeeded(std::string text, std::optional<std::int64_t> expires_in, MonoTime now) {
  const seconds told{expires_in.value_or(0)};
  const seconds life = told <= seconds{0} || told > life_max ? life_assumed : told;
  refreshing_ = false;
  failures_ = 0;
  token_ = AccessToken{.text = std::move(text), .generation = ++generation_};
  proactive_at_ = now + life * 4 / 5;
  // A life shorter than the skew is used for half of it rather than never.
  expires_at_ = now + std::max<Millis>(life - skew, life / 2);
  proactive_at_ = std::min(proactive_at_, expires_at_);
}

void TokenState::failed(bool invalid_client, MonoTime now, Rng& rng) {
  refreshing_ = false;
  const Millis pause =
      invalid_client
          ? Millis{invalid_client_pause}
          : std::max<Millis>(refresh_every, full_jitter(rng, failures_, refresh_every, backoff_max));
  ++failures_;
  not_before_ = now + pause;
}

void TokenState::refused(std::uint64_t generation) {
  if (token_ && token_->generation == generation) token_.reset();
}

}  // namespace perkline::pdi
