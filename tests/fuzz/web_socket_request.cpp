#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/net/http_head.hpp"
#include "shared/net/web_socket.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {

/// What of WebSockets is read by our own code: the request that opens one. Frames are Beast's to read.
void web_socket_request(std::string_view input) {
  const auto parsed = net::parse_request_head(input);
  if (!parsed) return;
  const net::RequestHead& head = parsed->head;
  for (const std::string_view offered : net::offered_subprotocols(head)) {
    PERKLINE_ASSERT(!offered.empty() && offered.find(',') == std::string_view::npos);
    PERKLINE_ASSERT(offered.front() != ' ' && offered.back() != ' ');
  }
  const auto checked = net::check_web_socket_request(head);
  PERKLINE_ASSERT(checked || checked.error().code == Errc::bad_request);
  PERKLINE_ASSERT(!checked || (head.method == net::Method::get && head.headers.find("Sec-WebSocket-Key")));
}

}  // namespace perkline::fuzz
