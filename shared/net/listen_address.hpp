#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::net {

struct ListenAddress {
  std::string host;  ///< A name or an address, without brackets.
  std::uint16_t port = 0;
};

/// `host:port`, `[::1]:port`, or a port alone (then on 127.0.0.1). Errors: bad_request.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace perkline::net
