#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "pdi_client/token_state.hpp"
#include "shared/core/result.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/signal.hpp"

namespace perkline::pdi {

struct TokenSourceOptions {
  std::string target;  ///< Path of the token endpoint.
  std::string client_id;
  std::string client_secret;
  std::function<void(std::string_view result)> on_refresh = {};  ///< ok, invalid_client, failed.
};

/// Access tokens by OAuth2 client credentials (RFC 6749 §4.4): one refresh in flight, everybody waits for it.
/// Reactor's thread.
class TokenSource {
 public:
  /// The reactor must outlive it; `client` is for the token endpoint's origin.
  TokenSource(net::Reactor& reactor, std::unique_ptr<net::HttpClient> client, TokenSourceOptions options);

  /// Errors: pdi_unavailable: none is to be had by `deadline` (and within limits::token_wait); retry_after
  /// says when a failed refresh is tried again.
  Task<Result<AccessToken>> get(MonoTime deadline);
  /// PDI answered 401 to that one: the next get() gives another.
  void refused(const AccessToken& token) { state_.refused(token.generation); }
  /// PDI answered 403 to that one: it is refreshed once, and nobody waits for it. True when it is now.
  bool forbidden(const AccessToken& token);

 private:
  void refresh_if_due();
  Task<void> refresh();
  Task<void> request();
  void fail_refresh(const std::expected<net::HttpAnswer, net::HttpFailure>& answer);
  Task<void> await_refresh(MonoTime deadline);
  static Task<Result<void>> told(std::shared_ptr<net::Signal> signal);
  MonoTime now() const { return reactor_.clock().mono_now(); }
  void tell(std::string_view result) const {
    if (options_.on_refresh) options_.on_refresh(result);
  }

  net::Reactor& reactor_;
  std::unique_ptr<net::HttpClient> client_;
  TokenSourceOptions options_;
  TokenState state_;
  SystemRng rng_;
  std::list<std::shared_ptr<net::Signal>> waiting_;
};

}  // namespace perkline::pdi
