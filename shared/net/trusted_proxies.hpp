#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"
#include "shared/net/http.hpp"

namespace perkline::net {

/// Whose word on where a request came from is taken. Pure.
class TrustedProxies {
 public:
  /// Nobody's.
  TrustedProxies() = default;
  /// Addresses and blocks (`10.0.0.0/8`, `fd00::/8`). Errors: bad_request.
  static Result<TrustedProxies> parse(const std::vector<std::string>& networks);

  /// Who sent what came from `peer`: `peer` itself, unless it is trusted; else the right-most address of
  /// X-Forwarded-For that is not, as each proxy adds whom it heard. Where the field ends, or holds what is no
  /// address, the last one that was vouched for.
  std::string client_of(const std::string& peer, const Headers& headers) const;

 private:
  using Address = std::array<std::uint8_t, 16>;  ///< IPv4 ones mapped.
  struct Network {
    Address address{};
    unsigned bits = 0;
  };
  bool trusts(const Address& address) const;

  std::vector<Network> networks_;
};

}  // namespace perkline::net
