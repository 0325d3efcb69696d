#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "pdi_client/sandbox/config.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/net/http.hpp"

namespace perkline::pdi::sandbox {

/// The OAuth2 token endpoint for client credentials (RFC 6749 §4.4), and what it has handed out. One thread.
class TokenDesk {
 public:
  /// `rng` must outlive it.
  TokenDesk(std::vector<SandboxConfig::Client> clients, Rng& rng) : clients_(std::move(clients)), rng_(rng) {}

  /// Credentials by Basic (form-encoded or not, as clients differ) or in the form.
  net::Response grant(const net::Request& request, MonoTime now);
  /// Whether an Authorization field carries a token that is still good.
  bool admits(std::string_view authorization, MonoTime now) const;

 private:
  bool is_known(const net::Request& request) const;
  std::string issue(MonoTime now);

  std::vector<SandboxConfig::Client> clients_;
  Rng& rng_;
  std::unordered_map<std::string, MonoTime> ends_;  ///< When each token does.
  std::deque<std::string> issued_;                  ///< All live equally long, so the oldest ends first.
};

}  // namespace perkline::pdi::sandbox
