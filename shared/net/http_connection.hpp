#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/core/random.hpp"
#include "shared/net/byte_stream.hpp"
#include "shared/net/cors.hpp"
#include "shared/net/http_head.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/trusted_proxies.hpp"
#include "shared/net/web_socket_session.hpp"

namespace perkline::net {

/// What all connections of one server share. Outlives them.
struct ServerShared {
  HttpServerOptions options;
  const Router* router;
  Guard guard;
  std::function<void(const Answered&)> observe;
  AsyncClock& clock;
  Cors cors;
  TrustedProxies proxies;
  SeededRng trace_ids;                 ///< Need only be unique, and getrandom(2) is dear on every request.
  std::string date;                    ///< As the Date field says it; renewed by the sweep.
  std::size_t large_bodies_bytes = 0;  ///< What requests that are not answered yet hold of such.
  bool draining = false;
  bool stopped = false;  ///< The server is gone; router, guard and observe may be too.
};

/// What one request's body takes of what all may hold together; given back when it goes.
class LargeBody {
 public:
  LargeBody() = default;
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;
  ~LargeBody() {
    if (shared_ != nullptr) shared_->large_bodies_bytes -= bytes_;
  }
  /// Of `body_bytes`, small ones count nothing. False: there is no room.
  bool grow_to(std::size_t body_bytes, ServerShared& shared) {
    if (body_bytes <= limits::http_small_body_bytes) return true;
    if (body_bytes - bytes_ > shared.options.large_bodies_bytes_max - shared.large_bodies_bytes) return false;
    shared_ = &shared;
    shared.large_bodies_bytes += body_bytes - std::exchange(bytes_, body_bytes);
    return true;
  }

 private:
  ServerShared* shared_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Serves one connection, request after request. The sweep closes it when its deadline has passed.
class HttpConnection {
 public:
  /// `tls`: nullptr for plain.
  HttpConnection(ServerShared& shared, ByteStream::Socket socket, std::string peer,
                 boost::asio::ssl::context* tls);

  /// Ends when the connection has.
  Task<void> serve();
  /// Answers `why` to whatever will be asked, and ends. Not under TLS.
  Task<void> refuse(Error why);

  /// Past it the connection is to be closed. Far away while a handler works: that has deadlines of its own.
  MonoTime deadline() const { return web_socket_ ? web_socket_->deadline() : deadline_; }
  /// Whether it waits for the first byte of a request.
  bool idle() const { return idle_; }
  void close() { stream_.close(); }
  /// The server stops: a WebSocket is told so and closed, anything else ends by itself.
  void go_away() {
    if (web_socket_) web_socket_->close(CloseCode::going_away);
  }
  /// While its answer drips, or never comes.
  void reset_if_held() {
    if (held_) stream_.reset();
  }

 private:
  enum class Head : unsigned char { complete, too_large, garbage, gone };
  /// One request and what is known of it.
  struct Exchange {
    Request request;
    Method method = Method::other;  ///< As `request` moves on to the handler.
    std::string traceparent;
    std::optional<std::string> origin;  ///< Of a page that may read the answer.
    RequestHead opening;                ///< Of a WebSocket, kept when the request moves on.
    std::optional<Response> preflight;  ///< The answer to one, with nothing left to ask.
    const Route* route = nullptr;
    std::uint64_t body_bytes = 0;
    bool body_pending = false;  ///< The peer has said that bytes follow, and not all of them were read.
    bool expects_continue = false;
    bool close = false;
    LargeBody large_body;
    MonoTime began;
  };

  Task<bool> serve_one();
  Task<Head> await_head();
  Task<Result<void>> admit(Exchange& exchange);
  Result<void> open_exchange(Exchange& exchange);
  Result<void> check_opening(Exchange& exchange);
  Result<void> check_body_fields(const Exchange& exchange) const;
  Task<Result<void>> read_body(Exchange& exchange);
  Task<Result<Response>> run_handler(Exchange& exchange);
  Task<bool> answer(Exchange& exchange, Response response);
  Task<bool> upgrade(Exchange& exchange, Response response);
  void observe(const Exchange& exchange, int status) const;
  Task<void> linger();
  Task<bool> send(const Exchange& exchange, const Response& response);
  Task<bool> drip(std::string bytes, Millis pause);
  Task<void> withhold();
  Task<bool> receive();
  MonoTime now() const { return shared_.clock.mono_now(); }
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

  ServerShared& shared_;
  ByteStream stream_;
  boost::asio::ssl::context* tls_;
  std::string peer_;
  MonoTime deadline_ = MonoTime::max();
  bool idle_ = true;
  bool held_ = false;
  std::shared_ptr<WebSocketSession> web_socket_;  ///< What the connection has become.

  std::vector<char> buffer_;  ///< What was read and not yet used is [begin_, end_).
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t head_bytes_ = 0;  ///< Of the head that await_head found.
  std::string out_;
};

}  // namespace perkline::net
