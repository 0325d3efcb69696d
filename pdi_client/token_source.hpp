#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "pdi_client/breaker.hpp"
#include "pdi_client/token_state.hpp"
#include "shared/core/result.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/signal.hpp"

namespace perkline::pdi {

struct TokenSourceOptions {
  std::string target;  ///< Path of the token endpoint.
  std::string client_id;
  std::string client_secret;
  BreakerOptions breaker = {};  ///< Its permits count as one: one refresh is all there is to try.
  std::function<void(std::string_view result)> on_refresh = {};  ///< ok, invalid_client, failed.
};

/// Access tokens by OAuth2 client credentials (RFC 6749 §4.4): one refresh in flight, everybody waits for it;
/// none while the endpoint's own breaker is open. Reactor's thread.
class TokenSource {
 public:
  /// `clock` and `rng` must outlive it; `origin` is the token endpoint's.
  TokenSource(net::AsyncClock& clock, Rng& rng, std::unique_ptr<net::HttpOrigin> origin,
              TokenSourceOptions options);
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// Errors: pdi_unavailable: none is to be had by `deadline` (and within limits::token_wait); retry_after
  /// says when a failed refresh is tried again.
  Task<Result<AccessToken>> get(MonoTime deadline);
  /// PDI answered 401 to that one: the next get() gives another.
  void refused(const AccessToken& token) { state_.refused(token.generation); }
  /// PDI answered 403 to that one: it is refreshed once, and nobody waits for it. True when it is now.
  Task<bool> forbidden(AccessToken token);
  BreakerState breaker() { return breaker_.state(now()); }

 private:
  Task<void> refresh_if_due();
  Task<void> refresh(Breaker::Permit permit);
  Task<void> request(Breaker::Permit permit);
  void fail_refresh(Breaker::Permit permit, const std::expected<net::HttpAnswer, net::HttpFailure>& answer);
  bool is_failing() const;
  MonoTime retry_at() const { return std::max(state_.retry_at(), breaker_.open_at()); }
  Task<void> await_refresh(MonoTime deadline);
  MonoTime now() const { return clock_.mono_now(); }
  void tell(std::string_view result) const {
    if (options_.on_refresh) options_.on_refresh(result);
  }

  net::AsyncClock& clock_;
  Rng& rng_;
  std::unique_ptr<net::HttpOrigin> origin_;
  TokenSourceOptions options_;
  TokenState state_;
  Breaker breaker_;
  std::list<std::shared_ptr<net::Signal>> waiting_;
};

}  // namespace perkline::pdi
