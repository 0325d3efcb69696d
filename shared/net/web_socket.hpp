#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/net/http.hpp"
#include "shared/net/task.hpp"

namespace perkline::net {

/// Why a server ends a WebSocket: RFC 6455 §7.4.1, and from 4000 on words of our own.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,  ///< The server stops.
  policy_violation = 1008,
  internal_error = 1011,
  token_expired = 4401,
  account_inactive = 4403,  ///< Or the session that the token came with has ended.
};

/// A server's end of one WebSocket, as whoever serves it sees it. What the peer says is read and dropped.
/// Reactor's thread.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// Hands over one text frame; waits while limits::web_socket_queue_max are still on their way. False: the
  /// socket is closing, and nothing is sent any more. One call at a time.
  virtual Task<bool> send(std::string text) = 0;
  /// Says so, once what is being written is out, and ends. Later calls change nothing.
  virtual void close(CloseCode code) = 0;
};

/// The tokens of every Sec-WebSocket-Protocol field, in order: the subprotocols that a client offers.
std::vector<std::string_view> offered_subprotocols(const RequestHead& head);

/// Whether the request opens a WebSocket of version 13 (RFC 6455 §4.2.1). Pure. Errors: bad_request.
Result<void> check_web_socket_request(const RequestHead& head);

}  // namespace perkline::net
