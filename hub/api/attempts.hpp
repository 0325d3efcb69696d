#pragma once

#include <string>
#include <string_view>

#include "shared/core/rate_limiter.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::api {

/// Whose calls count as one's: of an IPv6 address its /64, which is what one subscriber has at least (RFC
/// 6177); any other as it is. Pure.
std::string network_of(std::string_view address);

/// How often who may try what gives entrance to somebody's account, or tells who has one. Counts in memory:
/// each replica for itself. Reactor's thread.
class Attempts {
 public:
  struct Limits {
    std::int64_t login_per_minute = 10;  ///< 0: off, likewise the other.
    std::int64_t auth_per_address_minute = 300;
  };
  Attempts(const Clock& clock, Limits limits)
      : clock_(clock),
        per_target_({.calls_max = limits.login_per_minute}),
        per_address_({.calls_max = limits.auth_per_address_minute}),
        unknown_of_member_({.calls_max = limits.login_per_minute}),
        unknown_of_address_({.calls_max = limits.auth_per_address_minute}) {}

  /// From where; asked by the guard. Of IPv6 all of a /64 are one. Errors of both: rate_limited.
  Result<void> admit_address(std::string_view address);
  /// At what: a login in one spelling, a user, a card.
  Result<void> admit_target(std::string_view target);

  /// Whether a member may name a payee, who as often as these named nobody lately: a login's and an address's
  /// limits. Errors: rate_limited.
  Result<void> may_name_payee(std::string_view member, std::string_view address) const;
  /// What they named was nobody.
  void note_unknown_payee(std::string_view member, std::string_view address);

 private:
  const Clock& clock_;
  RateLimiter per_target_;
  RateLimiter per_address_;
  RateLimiter unknown_of_member_;
  RateLimiter unknown_of_address_;
};

}  // namespace perkline::hub::api
