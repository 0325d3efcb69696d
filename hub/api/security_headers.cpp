#include "hub/api/security_headers.hpp"

namespace perkline::hub::api {

net::Headers security_headers(Transport transport) {
  net::Headers headers;
  headers.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  headers.add("Referrer-Policy", "no-referrer");
  // Two years, RFC 6797.
  if (transport == Transport::tls) {
    headers.add("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
  }
  return headers;
}

}  // namespace perkline::hub::api
