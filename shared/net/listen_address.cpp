#include "shared/net/listen_address.hpp"

#include <charconv>

namespace perkline::net {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  ListenAddress address{.host = "127.0.0.1"};
  std::string_view port = text;
  if (colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || bracketed != host.contains(':')) return fail(Errc::bad_request, "is not host:port");
    address.host = host;
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size())
    return fail(Errc::bad_request, "is not host:port");
  return address;
}

}  // namespace perkline::net
