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

  /// Errors: pdi_unavailable: none is to be had by `deadline` (and within limits::token_wait).
  Task<Result<AccessToken>> get(MonoTime deadline);
  /// PDI refused that one.
  void refused(const AccessToken& token) { state_.refused(token.generation); }

 private:
  Task<void> refresh();
  Task<bool> request();
  static Task<Result<void>> told(std::shared_ptr<net::Signal> signal);

  net::Reactor& reactor_;
  std::unique_ptr<net::HttpClient> client_;
  TokenSourceOptions options_;
  TokenState state_;
  SystemRng rng_;
  std::list<std::shared_ptr<net::Signal>> waiting_;
};

}  // namespace perkline::pdi
