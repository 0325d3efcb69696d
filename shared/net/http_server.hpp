#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/core/clock.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/router.hpp"

namespace perkline::net {

struct ServerTls {
  std::string cert_file = {};  ///< PEM, chain; empty: plain HTTP.
  std::string key_file = {};
};

/// For tests that cannot wait; daemons leave them.
struct HttpServerTimeouts {
  Millis head = limits::http_head_timeout;
  Millis body = limits::http_body_timeout;
  Millis idle = limits::http_idle_timeout;
  Millis write = limits::http_write_timeout;
  Millis linger = limits::lingering_close_timeout;
  Millis web_socket_idle = limits::web_socket_idle_timeout;
  Millis web_socket_write = limits::web_socket_write_timeout;
  /// How often connections are held against these; a time-out comes up to this much late.
  Millis sweep{250};
};

struct HttpServerOptions {
  std::string listen;  ///< `host:port`, `[::1]:port`, or a port alone (on 127.0.0.1). Port 0: any free one.
  std::string unix_socket = {};           ///< Also served there when not empty.
  std::uint32_t unix_socket_mode = 0600;  ///< Who may connect to it, whatever the process's umask.
  ServerTls tls = {};
  /// Beyond it a connection is told 503 OVERLOADED and closed; under TLS it is closed without a word.
  std::size_t connections_max = 1024;
  std::size_t body_bytes_max = limits::till_body_bytes_max;
  /// Beyond it a large body is answered 503 OVERLOADED as it comes; small ones always have room.
  std::size_t large_bodies_bytes_max = limits::http_large_bodies_bytes_max;
  HttpServerTimeouts timeouts = {};
  /// Sent with every answer that has no field of that name itself.
  Headers common_headers = {};
  /// Whose pages may call from a browser: `https://host[:port]` each.
  std::vector<std::string> cors_origins = {};
  /// Where the server is found, as pages that it serves name it: they may open WebSockets, as those of
  /// `cors_origins` may, and no others. A path behind it is ignored.
  std::string public_url = {};
  /// Addresses and blocks (`10.0.0.0/8`) from which X-Forwarded-For counts.
  std::vector<std::string> trusted_proxies = {};
};

/// What was answered, for metrics and the access log.
struct Answered {
  Method method;
  std::string_view route;  ///< The pattern; empty when none matched.
  int status;
  std::chrono::nanoseconds duration;  ///< From the head's last byte to the reply's.
};

/// HTTP/1.1 with keep-alive on a reactor. Checks in the contract's order: framing, route, who, may, body;
/// answers each with problem+json; and after an answer given before the body was read closes lingeringly. A
/// preflight of a page that may call is answered as soon as its path is known.
/// Limits: limits.hpp.
class HttpServer {
 public:
  /// All references must outlive the server. `observe` is called on the reactor's thread after each answer;
  /// it must not block.
  HttpServer(Reactor& reactor, HttpServerOptions options, const Router& router, Guard guard,
             std::function<void(const Answered&)> observe = {});
  /// Closes every connection. Handlers still at work end with the reactor at the latest: drain first.
  ~HttpServer();

  /// Binds and serves. Errors: io_failed (address in use, no such host), bad_request (unusable certificate or
  /// key, no such network).
  Result<void> start();
  std::uint16_t port() const;
  /// Serves these from the next request on. Those of before must outlive the server as well. Reactor's
  /// thread.
  void serve_instead(const Router& router, Guard guard);
  /// Takes no more connections, lets requests in progress finish, closes idle ones and WebSockets; returns
  /// when none is left or at `deadline`, when what remains is closed.
  Task<void> drain(MonoTime deadline);
  /// Resets every connection whose answer drips or never comes (Delivery).
  void reset_held();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace perkline::net
