#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline::pdi {

struct AccessToken {
  std::string text;
  std::uint64_t generation = 0;  ///< One more with each refresh.
};

/// When the OAuth2 access token is used, refreshed, or not to be had (edge.md, "Token"). Pure; at most one
/// refresh a second, and one at a time, which the caller sees to by begin() and the two ends.
class TokenState {
 public:
  /// The token, while it is good for another half minute.
  std::optional<AccessToken> usable(MonoTime now) const;
  /// Whether a refresh is due: none is usable, or 80 % of its life are over. False while one is under way,
  /// and before retry_at().
  bool wants_refresh(MonoTime now) const;
  bool refreshing() const { return refreshing_; }
  /// When a failed refresh may be tried again.
  MonoTime retry_at() const { return not_before_; }

  void begin(MonoTime now);
  /// `expires_in`: as the answer says; missing or absurd ones count as 300 s.
  void succeeded(std::string text, std::optional<std::int64_t> expires_in, MonoTime now);
  /// `invalid_client`: PDI does not know us; that is tried again in 5 minutes only.
  void failed(bool invalid_client, MonoTime now, Rng& rng);
  /// PDI refused that generation: it is used no more.
  void refused(std::uint64_t generation);

 private:
  std::optional<AccessToken> token_;
  std::uint64_t generation_ = 0;
  MonoTime proactive_at_{};
  MonoTime expires_at_{};
  MonoTime not_before_{};
  bool refreshing_ = false;
  unsigned failures_ = 0;
};

}  // namespace perkline::pdi
