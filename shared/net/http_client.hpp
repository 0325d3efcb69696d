#pragma once

#include <expected>
#include <memory>
#include <string>

#include "shared/core/clock.hpp"
#include "shared/net/http.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::net {

struct HttpClientOptions {
  std::string origin;  ///< `https://host[:port]` or `http://…`, without a path.
  std::string ca_file =
      {};  ///< PEM; empty: the system's store. Peer and host name are always verified (TLS 1.2+).
  std::size_t connections_max = 64;  ///< Open at once; a call beyond it fails with overloaded, nothing sent.
  std::size_t answer_bytes_max = std::size_t{1} << 20;
  Millis kept_idle_max = seconds{30};  ///< A connection nobody uses is closed then.
  /// For origins that somebody else names: an address of theirs that is_off_limits() is not connected to,
  /// whatever name it was found by; where there is no other the call fails with forbidden.
  bool keeps_off_limits = false;
};

struct HttpCall {
  Method method = Method::get;
  std::string target = "/";  ///< Path and query, encoded.
  Headers headers = {};      ///< Host, Content-Length, Connection and Transfer-Encoding are the client's own.
  std::string content_type = "application/json";  ///< With a body only.
  std::string body = {};
};

struct HttpAnswer {
  int status = 0;
  Headers headers;
  std::string body;
};

struct HttpFailure {
  /// connection_failed, connection_lost, timed_out, malformed_answer (also too long), overloaded; cancelled;
  /// bad_request for a target that is none; forbidden by keeps_off_limits.
  Error error;
  bool may_have_been_sent = false;  ///< Whether a byte of the request may have reached the peer.
};

/// One origin to call, as flows see it: HttpClient in production, a simulated line in simulation.
class HttpOrigin {
 public:
  virtual ~HttpOrigin() = default;
  /// Gives up at `deadline`. Safe to cancel.
  virtual Task<std::expected<HttpAnswer, HttpFailure>> call(HttpCall call, MonoTime deadline) = 0;
};

/// A pool of keep-alive connections to one origin, one call each at a time; follows no redirects, repeats
/// nothing. A kept connection the peer has closed meanwhile is noticed before anything is written and
/// replaced. Reactor's thread.
class HttpClient final : public HttpOrigin {
 public:
  /// Errors: bad_request (unusable origin or CA file).
  static Result<std::unique_ptr<HttpClient>> make(Reactor& reactor, HttpClientOptions options);
  ~HttpClient() override;

  /// Closes its connection when it gives up or is cancelled.
  Task<std::expected<HttpAnswer, HttpFailure>> call(HttpCall call, MonoTime deadline) override;

 private:
  class Impl;
  explicit HttpClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  ///< Shared with calls under way.
};

}  // namespace perkline::net
