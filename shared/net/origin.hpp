#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::net {

struct Origin {
  bool tls = false;
  std::string host;  ///< A name or an address, without brackets.
  std::uint16_t port = 0;
  std::string authority;  ///< What the Host field says.
};

/// `https://host[:port]` or `http://…`, without a path. Errors: bad_request.
Result<Origin> parse_origin(std::string_view text);

}  // namespace perkline::net
