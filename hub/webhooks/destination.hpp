#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::webhooks {

inline constexpr std::size_t url_bytes_max = 2048;

/// Where a webhook's deliveries go.
struct Destination {
  std::string origin;  ///< As net::HttpClientOptions takes it.
  std::string target;  ///< Path and query; begins with a slash.
  std::string host;    ///< A name or an address, without brackets.
};

/// `http://host[:port][/path][?query]`, or `https://…`, up to url_bytes_max of printable ASCII; a fragment or
/// credentials are faults. Whether the host exists nobody asks; loopback is allowed. Errors:
/// validation_failed, its detail a fault's message. Pure.
Result<Destination> parse_destination(std::string_view url);

}  // namespace perkline::hub::webhooks
