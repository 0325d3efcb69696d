#include "shared/net/http_server.hpp"

#include <cstring>
#include <deque>
#include <optional>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <unordered_set>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "shared/core/assert.hpp"
#include "shared/net/http_connection.hpp"
#include "shared/net/http_wire.hpp"
#include "shared/net/listen_address.hpp"
#include "shared/net/tls.hpp"
#include "shared/ops/log.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;
using ErrorCode = boost::system::error_code;

/// When a connection beyond the limit may find room.
constexpr Millis overload_retry{1000};
constexpr Millis accept_pause{100};  ///< After a failed accept: out of descriptors, most likely.

/// Without port; empty on a Unix socket.
std::string address_of(const ByteStream::Socket& socket) {
  ErrorCode error;
  const auto remote = socket.remote_endpoint(error);
  const int family = remote.protocol().family();
  if (error || (family != AF_INET && family != AF_INET6)) return {};
  tcp::endpoint endpoint;
  if (remote.size() > endpoint.capacity()) return {};
  std::memcpy(endpoint.data(), remote.data(), remote.size());
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

/// Whether a server answers on that Unix socket.
bool is_served(asio::io_context& io, const std::string& path) {
  asio::local::stream_protocol::socket probe(io);
  ErrorCode error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  return !error;
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(Reactor& reactor, HttpServerOptions options, const Router& router, Guard guard,
       std::function<void(const Answered&)> observe)
      : reactor_(reactor),
        io_(reactor.io()),
        shared_{.options = std::move(options),
                .router = &router,
                .guard = std::move(guard),
                .observe = std::move(observe),
                .clock = reactor.clock(),
                .cors = Cors(shared_.options.cors_origins, shared_.options.public_url),
                .proxies = {},
                .trace_ids = SeededRng(SystemRng().next()),
                .date = {}},
        sweep_timer_(io_),
        drained_(io_, MonoTime::max()) {}

  Result<void> start();
  void stop();
  Task<void> drain(MonoTime deadline);
  void reset_held() {
    for (const auto& connection : connections_) connection->reset_if_held();
  }
  void serve_instead(const Router& router, Guard guard) {
    shared_.router = &router;
    shared_.guard = std::move(guard);
  }
  std::uint16_t port() const { return port_; }

 private:
  Result<void> listen_tcp(const ListenAddress& address);
  Result<void> listen_unix(const std::string& path);
  static Task<void> accept_loop(std::shared_ptr<Impl> self, Acceptor& acceptor);
  void take(ByteStream::Socket socket);
  static Task<void> run(std::shared_ptr<Impl> self, std::shared_ptr<HttpConnection> connection, bool refused);
  void sweep();
  void stop_listening();
  void close_where(auto condition) {
    for (const auto& connection : connections_) {
      if (condition(*connection)) connection->close();
    }
  }

  Reactor& reactor_;
  asio::io_context& io_;
  ServerShared shared_;
  std::optional<asio::ssl::context> tls_;
  std::deque<Acceptor> acceptors_;  ///< A deque: its loops hold references.
  std::uint16_t port_ = 0;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  std::size_t refusing_ = 0;  ///< Of them.
  asio::steady_timer sweep_timer_;
  asio::steady_timer drained_;  ///< Never fires by itself; its end is the signal.
};

Result<void> HttpServer::Impl::start() {
  const auto& options = shared_.options;
  if (!options.tls.cert_file.empty()) {
    auto context = make_server_tls(options.tls.cert_file, options.tls.key_file);
    if (!context) return failure(context);
    tls_.emplace(std::move(*context));
  }
  auto proxies = TrustedProxies::parse(options.trusted_proxies);
  if (!proxies) return failure(proxies);
  shared_.proxies = std::move(*proxies);
  if (!options.listen.empty()) {
    const auto address = parse_listen_address(options.listen);
    if (!address) return fail(Errc::bad_request, options.listen + " " + address.error().detail);
    if (auto listening = listen_tcp(*address); !listening) return listening;
  }
  if (!options.unix_socket.empty()) {
    if (auto listening = listen_unix(options.unix_socket); !listening) return listening;
  }
  for (Acceptor& acceptor : acceptors_) {
    reactor_.spawn(accept_loop(shared_from_this(), acceptor));
  }
  sweep();
  return {};
}

/// A name may stand for several addresses (localhost: ::1 and 127.0.0.1); all are served, on one port.
Result<void> HttpServer::Impl::listen_tcp(const ListenAddress& address) {
  const std::string& text = shared_.options.listen;
  ErrorCode error;
  const auto found =
      tcp::resolver(io_).resolve(address.host, std::to_string(address.port),
                                 tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return fail(Errc::io_failed, "cannot listen on " + text + ": no such host");
  port_ = address.port;
  for (const auto& entry : found) {
    tcp::endpoint endpoint = entry.endpoint();
    endpoint.port(port_);
    Acceptor acceptor(io_);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
    // Connections take it over. By itself the kernel would take megabytes of answers that nobody reads.
    if (!error) acceptor.set_option(Acceptor::send_buffer_size(int{limits::http_send_buffer_bytes}), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
    if (error == asio::error::address_in_use)
      return fail(Errc::io_failed, "cannot listen on " + text + ": in use");
    if (error) continue;  // A machine without IPv6 may still know a name's IPv6 address.
    const auto bound = acceptor.local_endpoint();
    std::memcpy(endpoint.data(), bound.data(), bound.size());
    port_ = endpoint.port();
    acceptors_.push_back(std::move(acceptor));
  }
  if (acceptors_.empty()) return fail(Errc::io_failed, "cannot listen on " + text);
  return {};
}

Result<void> HttpServer::Impl::listen_unix(const std::string& path) {
  const auto unusable = [&](std::string_view why) {
    return fail(Errc::io_failed, "cannot listen on " + path + ": " + std::string(why));
  };
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return unusable("the path is too long");
  if (is_served(io_, path)) return unusable("in use");
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0) {
    // Left behind by a process that was killed.
    if (!S_ISSOCK(found.st_mode) || ::unlink(path.c_str()) != 0) return unusable("something else is there");
  }
  ErrorCode error;
  Acceptor acceptor(io_);
  acceptor.open(asio::local::stream_protocol(), error);
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(path), error);
  if (error) return unusable("no such folder, or not allowed");
  // Nobody can connect between bind and listen, so the mode is right from the first connection on.
  if (::chmod(path.c_str(), static_cast<mode_t>(shared_.options.unix_socket_mode)) != 0)
    return unusable("its mode cannot be set");
  acceptor.listen(Acceptor::max_listen_connections, error);
  if (error) return unusable("listen failed");
  acceptors_.push_back(std::move(acceptor));
  return {};
}

Task<void> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self, Acceptor& acceptor) {
  while (acceptor.is_open()) {
    ErrorCode error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor.is_open()) co_return;
    if (!error) {
      self->take(std::move(socket));
    } else if (error != asio::error::connection_aborted) {
      ops::log(ops::Level::warn, "http", "cannot accept a connection",
               {{"errno", std::int64_t{error.value()}}});
      co_await self->shared_.clock.sleep(accept_pause);
    }
  }
}

void HttpServer::Impl::take(ByteStream::Socket socket) {
  std::string peer = address_of(socket);
  const bool is_tcp = !peer.empty();
  ErrorCode ignored;
  if (is_tcp) socket.set_option(tcp::no_delay(true), ignored);
  asio::ssl::context* tls = is_tcp && tls_ ? &*tls_ : nullptr;
  const bool full = connections_.size() - refusing_ >= shared_.options.connections_max;
  if (full && (tls != nullptr || refusing_ >= limits::http_refusals_max))
    return;  // Closed as it goes out of scope.
  auto connection = std::make_shared<HttpConnection>(shared_, std::move(socket), std::move(peer), tls);
  connections_.insert(connection);
  if (full) ++refusing_;
  reactor_.spawn(run(shared_from_this(), std::move(connection), full));
}

Task<void> HttpServer::Impl::run(std::shared_ptr<Impl> self, std::shared_ptr<HttpConnection> connection,
                                 bool refused) {
  try {
    if (refused) {
      co_await connection->refuse(
          {.code = Errc::overloaded, .detail = "too many connections", .retry_after = overload_retry});
    } else {
      co_await connection->serve();
    }
  } catch (const std::exception& error) {
    // Out of memory, most likely: the others may still be served.
    ops::log(ops::Level::error, "http", "a connection failed", {{"what", std::string_view(error.what())}});
    connection->close();
  }
  if (refused) --self->refusing_;
  self->connections_.erase(connection);
  if (self->connections_.empty()) self->drained_.cancel();
}

void HttpServer::Impl::sweep() {
  shared_.date = http_date(shared_.clock.wall_now());
  close_where(
      [now = shared_.clock.mono_now()](const HttpConnection& each) { return each.deadline() <= now; });
  sweep_timer_.expires_after(shared_.options.timeouts.sweep);
  sweep_timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
    if (const auto self = weak.lock(); self && !error && !self->shared_.stopped) self->sweep();
  });
}

void HttpServer::Impl::stop_listening() {
  for (Acceptor& acceptor : acceptors_) {
    ErrorCode ignored;
    acceptor.close(ignored);
  }
  const std::string& path = shared_.options.unix_socket;
  if (!acceptors_.empty() && !path.empty() && !std::exchange(shared_.draining, true)) ::unlink(path.c_str());
  shared_.draining = true;
}

Task<void> HttpServer::Impl::drain(MonoTime deadline) {
  const auto self = shared_from_this();
  stop_listening();
  close_where([](const HttpConnection& each) { return each.idle(); });
  for (const auto& connection : connections_) connection->go_away();
  if (!connections_.empty()) {
    ErrorCode cancelled;
    drained_.expires_at(deadline);
    co_await drained_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  close_where([](const HttpConnection&) { return true; });
}

void HttpServer::Impl::stop() {
  stop_listening();
  shared_.stopped = true;
  sweep_timer_.cancel();
  drained_.cancel();
  close_where([](const HttpConnection&) { return true; });
}

HttpServer::HttpServer(Reactor& reactor, HttpServerOptions options, const Router& router, Guard guard,
                       std::function<void(const Answered&)> observe)
    : impl_(std::make_shared<Impl>(reactor, std::move(options), router, std::move(guard),
                                   std::move(observe))) {}
HttpServer::~HttpServer() {
  impl_->stop();
}

Result<void> HttpServer::start() {
  return impl_->start();
}
void HttpServer::serve_instead(const Router& router, Guard guard) {
  impl_->serve_instead(router, std::move(guard));
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}
Task<void> HttpServer::drain(MonoTime deadline) {
  return impl_->drain(deadline);
}
void HttpServer::reset_held() {
  impl_->reset_held();
}

}  // namespace perkline::net
