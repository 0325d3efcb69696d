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

/// When the OAuth2 access token is used, refreshed, or not to be had (edge.md, "Token"). Pure. The caller
/// asks wants_refresh(), tells begin(), and then how it ended; so one refresh at most is under way, and one
/// at most is begun in a second.
class TokenState {
 public:
  /// The token, until 30 s (of a short life: a tenth) before its end.
  std::optional<AccessToken> usable(MonoTime now) const;
  /// Whether a refresh is due and may begin: none is usable, 80 % of its life are over, or PDI forbade a
  /// call.
  bool wants_refresh(MonoTime now) const;
  bool refreshing() const { return refreshing_; }
  /// The last refresh failed, and it is too early for another.
  bool is_failing(MonoTime now) const { return failures_ > 0 && !refreshing_ && now < not_before_; }
  /// When the next refresh may begin.
  MonoTime retry_at() const { return not_before_; }

  void begin(MonoTime now);
  /// `expires_in`: as the answer says; missing or absurd (not positive, over 30 days) it counts as 300 s. The
  /// life runs from begin(), as the endpoint made the token some time after.
  void succeeded(std::string text, std::optional<std::int64_t> expires_in);
  /// `invalid_client`: the endpoint does not know us, which is tried again in 5 minutes only; else with
  /// backoff, and not before what the endpoint asked for, plus up to a fifth.
  struct Failed {
    bool invalid_client = false;
    std::optional<Millis> retry_after = std::nullopt;
  };
  void failed(Failed why, MonoTime now, Rng& rng);
  /// A 401: that generation is used no more. An older one than ours has been replaced already.
  void refused(std::uint64_t generation);
  /// A 403: the token is refreshed once, lest it be an old one's lack of rights; the token that comes of it
  /// is not refreshed for the same. True when this asked for a refresh.
  bool forbidden(std::uint64_t generation);

 private:
  std::optional<AccessToken> token_;
  std::uint64_t generation_ = 0;
  MonoTime began_at_{};
  MonoTime proactive_at_{};
  MonoTime expires_at_{};
  MonoTime not_before_{};
  bool refreshing_ = false;
  bool renew_ = false;      ///< Forbidden: a refresh is due.
  bool forbidden_ = false;  ///< A 403 has had its refresh.
  unsigned failures_ = 0;   ///< In a row.
};

}  // namespace perkline::pdi
