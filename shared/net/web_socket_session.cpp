#include "shared/net/web_socket_session.hpp"

#include <deque>
#include <exception>
#include <optional>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "shared/core/limits.hpp"
#include "shared/net/either.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/log.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using ErrorCode = ByteStream::ErrorCode;

/// A connection's bytes in the shape that Beast asks for, in the clear or under TLS. Does not own them.
class Layer {
 public:
  using executor_type = ByteStream::Socket::executor_type;

  explicit Layer(ByteStream& stream) : stream_(&stream) {}
  executor_type get_executor() const { return stream_->socket().get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [](auto&& handler, ByteStream* stream, auto into) {
          if (auto* tls = stream->tls()) {
            tls->async_read_some(into, std::forward<decltype(handler)>(handler));
          } else {
            stream->socket().async_read_some(into, std::forward<decltype(handler)>(handler));
          }
        },
        token, stream_, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [](auto&& handler, ByteStream* stream, auto from) {
          if (auto* tls = stream->tls()) {
            tls->async_write_some(from, std::forward<decltype(handler)>(handler));
          } else {
            stream->socket().async_write_some(from, std::forward<decltype(handler)>(handler));
          }
        },
        token, stream_, buffers);
  }

  /// For time-outs of Beast's.
  friend void beast_close_socket(Layer& layer) { layer.stream_->close(); }
  /// Ending the bytes is the connection's: lingeringly, so that the close frame is not lost to a reset.
  template <class Handler>
  friend void async_teardown(beast::role_type, Layer& layer, Handler&& handler) {
    asio::post(layer.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), ErrorCode{}));
  }

 private:
  ByteStream* stream_;
};

using Stream = websocket::stream<Layer, false>;

/// Messages and pings of the peer, who has nothing to say: so many a window.
constexpr int heard_max = 120;
constexpr seconds heard_window{60};

beast::http::request<beast::http::empty_body> request_of(const RequestHead& opening) {
  beast::http::request<beast::http::empty_body> request;
  request.method(beast::http::verb::get);
  request.target("/");
  request.version(11);
  for (const char* name : {"Host", "Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"}) {
    if (const auto value = opening.headers.find(name)) request.set(name, std::string(*value));
  }
  // The one of our list of several that counts.
  request.set("Connection", "Upgrade");
  request.set("Upgrade", "websocket");
  return request;
}

class Session final : public WebSocketSession, public std::enable_shared_from_this<Session> {
 public:
  explicit Session(const Parts& parts) : parts_(parts), stream_(Layer(parts.stream)) {}

  Task<bool> serve(RequestHead opening, Headers fields, std::function<Task<void>(WebSocket&)> talk) override;
  MonoTime deadline() const override { return deadline_; }
  Task<bool> send(std::string text) override;
  void close(CloseCode code) override;

 private:
  void set_options(const Headers& fields);
  /// Each until the socket ends.
  static Task<void> read(std::shared_ptr<Session> self);
  static Task<void> write(std::shared_ptr<Session> self);
  Task<void> talk_guarded(std::function<Task<void>(WebSocket&)> talk);
  void hear();
  MonoTime now() const { return parts_.clock.mono_now(); }

  Parts parts_;
  Stream stream_;
  MonoTime deadline_ = MonoTime::max();
  std::deque<std::string> queue_;  ///< The first one is being written.
  std::optional<CloseCode> closing_with_;
  bool reading_ = true;
  bool writing_ = true;
  bool peer_closed_ = false;  ///< It has said so.
  int heard_ = 0;
  MonoTime heard_since_;

  Signal work_;     ///< For the writer: a frame, or the end.
  Signal room_;     ///< For send().
  Signal closing_;  ///< For serve(): as is the next.
  Signal ended_;
};

void Session::set_options(const Headers& fields) {
  stream_.set_option(websocket::stream_base::timeout{.handshake_timeout = websocket::stream_base::none(),
                                                     .idle_timeout = parts_.timeouts.web_socket_idle,
                                                     .keep_alive_pings = true});
  stream_.set_option(websocket::stream_base::decorator([fields](websocket::response_type& response) {
    for (const auto& [name, value] : fields) response.insert(name, value);
    // Beast would name itself and its version.
    response.set(beast::http::field::server, "perkline");
  }));
  stream_.read_message_max(limits::web_socket_message_bytes_max);
  stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    if (kind == websocket::frame_type::ping) hear();
  });
  stream_.text(true);
  stream_.auto_fragment(false);  // A message is a frame.
}

Task<bool> Session::serve(RequestHead opening, Headers fields, std::function<Task<void>(WebSocket&)> talk) {
  const auto self = shared_from_this();
  set_options(fields);
  deadline_ = now() + parts_.timeouts.write;
  heard_since_ = now();
  ErrorCode error;
  const auto request = request_of(opening);
  co_await stream_.async_accept(request, asio::redirect_error(asio::use_awaitable, error));
  deadline_ = MonoTime::max();
  if (error) co_return true;  // Nobody is there to hear more.

  co_await spawn_child(read(self));
  co_await spawn_child(write(self));
  co_await either(talk_guarded(std::move(talk)), closing_.wait());
  close(CloseCode::normal);
  while (reading_ || writing_) co_await ended_.wait();
  co_return peer_closed_;
}

/// An exception is a bug of ours, unless it is the cancellation's.
Task<void> Session::talk_guarded(std::function<Task<void>(WebSocket&)> talk) {
  bool threw = false;
  try {
    co_await talk(*this);
  } catch (const std::exception& exception) {
    threw = !closing_with_;
    if (threw) {
      ops::log(ops::Level::error, "http", "a socket's server threw",
               {{"what", std::string_view(exception.what())}});
    }
  }
  if (threw) close(CloseCode::internal_error);
}

Task<bool> Session::send(std::string text) {
  while (!closing_with_ && queue_.size() >= limits::web_socket_queue_max) co_await room_.wait();
  if (closing_with_) co_return false;
  queue_.push_back(std::move(text));
  work_.notify();
  co_return true;
}

void Session::close(CloseCode code) {
  if (closing_with_) return;
  closing_with_ = code;
  work_.notify();
  room_.notify();
  closing_.notify();
}

void Session::hear() {
  if (now() - heard_since_ > heard_window) {
    heard_since_ = now();
    heard_ = 0;
  }
  if (++heard_ > heard_max) close(CloseCode::policy_violation);
}

Task<void> Session::read(std::shared_ptr<Session> self) {
  beast::flat_static_buffer<limits::web_socket_message_bytes_max> heard;
  ErrorCode error;
  while (!error) {
    heard.clear();
    co_await self->stream_.async_read(heard, asio::redirect_error(asio::use_awaitable, error));
    if (!error) self->hear();
  }
  self->reading_ = false;
  if (error == websocket::error::closed) self->peer_closed_ = true;
  self->close(CloseCode::normal);
  self->ended_.notify();
}

Task<void> Session::write(std::shared_ptr<Session> self) {
  ErrorCode error;
  while (!self->closing_with_ && !error) {
    if (self->queue_.empty()) {
      co_await self->work_.wait();
      continue;
    }
    self->deadline_ = self->now() + self->parts_.timeouts.web_socket_write;
    co_await self->stream_.async_write(asio::buffer(self->queue_.front()),
                                       asio::redirect_error(asio::use_awaitable, error));
    self->deadline_ = MonoTime::max();
    self->queue_.pop_front();
    self->room_.notify();
  }
  if (self->reading_) {
    self->deadline_ = self->now() + self->parts_.timeouts.linger;
    const auto code = static_cast<std::uint16_t>(self->closing_with_.value_or(CloseCode::normal));
    co_await self->stream_.async_close(websocket::close_reason(code),
                                       asio::redirect_error(asio::use_awaitable, error));
    if (!error) self->peer_closed_ = true;
  }
  self->writing_ = false;
  self->close(CloseCode::normal);
  self->ended_.notify();
}

}  // namespace

std::shared_ptr<WebSocketSession> WebSocketSession::make(const Parts& parts) {
  return std::make_shared<Session>(parts);
}

}  // namespace perkline::net
