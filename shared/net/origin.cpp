#include "shared/net/origin.hpp"

#include "shared/net/http_head.hpp"
#include "shared/net/listen_address.hpp"

namespace perkline::net {

Result<Origin> parse_origin(std::string_view text) {
  const auto wrong = [] {
    return fail(Errc::bad_request, "is not https://host[:port] or http://host[:port]");
  };
  Origin origin;
  if (text.starts_with("https://")) {
    origin = {.tls = true, .host = {}, .port = 443, .authority = std::string(text.substr(8))};
  } else if (text.starts_with("http://")) {
    origin = {.tls = false, .host = {}, .port = 80, .authority = std::string(text.substr(7))};
  } else {
    return wrong();
  }
  if (!is_host(origin.authority)) return wrong();
  const std::string_view authority = origin.authority;
  const bool has_port =
      authority.find(':', authority.starts_with('[') ? authority.find(']') : 0) != authority.npos;
  const auto address = parse_listen_address(has_port ? origin.authority
                                                     : origin.authority + ":" + std::to_string(origin.port));
  if (!address || address->port == 0) return wrong();
  origin.host = address->host;
  origin.port = address->port;
  return origin;
}

}  // namespace perkline::net
