#pragma once

#include <functional>
#include <memory>

#include "shared/net/async_clock.hpp"
#include "shared/net/byte_stream.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/web_socket.hpp"

namespace perkline::net {

/// One WebSocket on a server's connection, from the request that opens it to its end. Reactor's thread.
class WebSocketSession : public WebSocket {
 public:
  /// What outlives serve().
  struct Parts {
    ByteStream& stream;
    AsyncClock& clock;
    const HttpServerTimeouts& timeouts;
  };
  static std::shared_ptr<WebSocketSession> make(const Parts& parts);

  /// Answers 101 with `fields`, has `talk` speak, and returns when all that concerns the socket has ended:
  /// true when both ends have said so; else the stream is to be closed lingeringly. `opening` has passed
  /// check_web_socket_request. When the peer goes or the socket is closed `talk` is cancelled where it waits.
  virtual Task<bool> serve(RequestHead opening, Headers fields,
                           std::function<Task<void>(WebSocket&)> talk) = 0;
  /// Past it the stream is to be closed: a frame, the opening or the closing takes too long.
  virtual MonoTime deadline() const = 0;
};

}  // namespace perkline::net
