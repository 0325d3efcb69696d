#include "shared/net/http_client.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/ssl.h>

#include "shared/core/limits.hpp"
#include "shared/net/answer_reader.hpp"
#include "shared/net/byte_stream.hpp"
#include "shared/net/http_wire.hpp"
#include "shared/net/off_limits.hpp"
#include "shared/net/origin.hpp"
#include "shared/net/resolver.hpp"
#include "shared/net/tls.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr seconds connect_attempt_max{2};  ///< While another address is left to try.

MonoTime now() {
  return std::chrono::steady_clock::now();
}

bool is_target(std::string_view target) {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

/// A call's whole request. Connections stay open unless the peer says otherwise, which is HTTP/1.1's default.
std::string request_text(const HttpCall& call, const std::string& authority) {
  std::string text(name_of(call.method));
  text.append(" ").append(call.target).append(" HTTP/1.1\r\n");
  append_field(text, "Host", authority);
  for (const auto& [name, value] : call.headers) {
    if (!is_framing_field(name)) append_field(text, name, value);
  }
  if (!call.body.empty()) append_field(text, "Content-Type", call.content_type);
  const bool carries_body =
      call.method == Method::post || call.method == Method::put || call.method == Method::patch;
  if (carries_body || !call.body.empty())
    append_field(text, "Content-Length", std::to_string(call.body.size()));
  return text.append("\r\n").append(call.body);
}

/// One connection and the timer that closes it when the call on it is overdue.
class PooledConnection : public std::enable_shared_from_this<PooledConnection> {
 public:
  explicit PooledConnection(asio::io_context& io)
      : stream(ByteStream::Socket(io)), timer_(io, MonoTime::max()) {}

  void close_at(MonoTime time) {
    overdue_ = false;
    timer_.expires_at(time);
    timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
      const auto self = weak.lock();
      // The time may have been moved while this was already on its way.
      if (error || !self || self->timer_.expiry() > now()) return;
      self->overdue_ = true;
      self->stream.close();
    });
  }
  void close_never() { timer_.expires_at(MonoTime::max()); }

  /// What an operation's error means: the deadline, a cancelled caller, or `otherwise`.
  std::unexpected<Error> fault(ErrorCode error, Errc otherwise, std::string detail) const {
    if (overdue_) return fail(Errc::timed_out, std::move(detail));
    if (error == asio::error::operation_aborted) return fail(Errc::cancelled, std::move(detail));
    return fail(otherwise, std::move(detail));
  }
  bool overdue() const { return overdue_; }

  ByteStream stream;
  MonoTime idle_since;
  bool session_known = false;

 private:
  asio::steady_timer timer_;
  bool overdue_ = false;
};

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

}  // namespace

class HttpClient::Impl : public std::enable_shared_from_this<HttpClient::Impl> {
 public:
  Impl(asio::io_context& io, HttpClientOptions options, Origin origin, std::optional<asio::ssl::context> tls)
      : io_(io),
        options_(std::move(options)),
        origin_(std::move(origin)),
        tls_(std::move(tls)),
        resolver_(io, origin_.host, origin_.port),
        reaper_(io) {}

  static Task<std::expected<HttpAnswer, HttpFailure>> run(std::shared_ptr<Impl> self, HttpCall call,
                                                          MonoTime deadline);
  void stop();

 private:
  /// A connection in use. It is closed unless given back with keep().
  class Lease {
   public:
    explicit Lease(std::shared_ptr<Impl> pool) : pool_(std::move(pool)) { ++pool_->open_; }
    Lease(std::shared_ptr<Impl> pool, std::shared_ptr<PooledConnection> kept)
        : pool_(std::move(pool)), connection_(std::move(kept)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (!pool_) return;
      if (connection_) connection_->stream.close();
      --pool_->open_;
    }
    void renew() { connection_ = std::make_shared<PooledConnection>(pool_->io_); }
    void keep() {
      auto pool = std::exchange(pool_, nullptr);
      pool->give_back(std::move(connection_));
    }
    explicit operator bool() const { return connection_ != nullptr; }
    PooledConnection* operator->() const { return connection_.get(); }

   private:
    std::shared_ptr<Impl> pool_;
    std::shared_ptr<PooledConnection> connection_;
  };

  Task<Result<HttpAnswer>> exchange(HttpCall call, MonoTime deadline, bool& sent);
  Result<Lease> lease();
  Task<Result<void>> connect(Lease& lease, MonoTime deadline);
  Task<Result<void>> start_tls(PooledConnection& connection);
  Task<Result<void>> send(PooledConnection& connection, std::string request, bool& sent);
  Task<Result<void>> receive(PooledConnection& connection, AnswerReader& reader);
  void give_back(std::shared_ptr<PooledConnection> connection);
  void remember_session(PooledConnection& connection);
  void reap();

  asio::io_context& io_;
  HttpClientOptions options_;
  Origin origin_;
  std::optional<asio::ssl::context> tls_;
  std::unique_ptr<SSL_SESSION, FreeSession> session_;  ///< Spares the next connection a full handshake.
  Resolver resolver_;
  std::size_t open_ = 0;  ///< In use and idle.
  std::vector<std::shared_ptr<PooledConnection>>
      idle_;  ///< The one used last is at the back, and used first.
  asio::steady_timer reaper_;
  bool reaping_ = false;
  bool stopped_ = false;
};

Task<std::expected<HttpAnswer, HttpFailure>> HttpClient::Impl::run(std::shared_ptr<Impl> self, HttpCall call,
                                                                   MonoTime deadline) {
  bool sent = false;
  Result<HttpAnswer> answer = fail(Errc::cancelled);
  try {
    answer = co_await self->exchange(std::move(call), deadline, sent);
  } catch (const boost::system::system_error&) {
    // How Asio tells a coroutine that begins to wait after its cancellation.
    answer = fail(Errc::cancelled);
  }
  if (answer) co_return std::move(*answer);
  co_return std::unexpected(HttpFailure{.error = std::move(answer.error()), .may_have_been_sent = sent});
}

Task<Result<HttpAnswer>> HttpClient::Impl::exchange(HttpCall call, MonoTime deadline, bool& sent) {
  if (!is_target(call.target)) co_return fail(Errc::bad_request, "a request target that is none");
  if (now() >= deadline) co_return fail(Errc::timed_out, "no time left to call " + origin_.authority);
  auto leased = lease();
  if (!leased) co_return failure(leased);
  Lease connection = std::move(*leased);
  if (connection) {
    connection->close_at(deadline);
  } else if (auto connected = co_await connect(connection, deadline); !connected) {
    co_return failure(connected);
  }

  auto gone = co_await send(*connection.operator->(), request_text(call, origin_.authority), sent);
  if (!gone) co_return failure(gone);
  AnswerReader reader(call.method == Method::head, options_.answer_bytes_max);
  auto received = co_await receive(*connection.operator->(), reader);
  if (!received) co_return failure(received);
  connection->close_never();
  if (reader.reusable() && !connection->overdue()) connection.keep();
  co_return reader.take();
}

/// An idle connection, or a free place for a new one.
Result<HttpClient::Impl::Lease> HttpClient::Impl::lease() {
  while (!idle_.empty()) {
    auto kept = std::move(idle_.back());
    idle_.pop_back();
    if (now() - kept->idle_since < options_.kept_idle_max && kept->stream.is_quiet()) {
      return Lease(shared_from_this(), std::move(kept));
    }
    kept->stream.close();
    --open_;
  }
  if (open_ >= options_.connections_max) {
    return fail(Errc::overloaded, "all connections to " + origin_.authority + " are in use");
  }
  return Lease(shared_from_this());
}

Task<Result<void>> HttpClient::Impl::connect(Lease& lease, MonoTime deadline) {
  auto endpoints = co_await resolver_.resolve(deadline);
  if (!endpoints) co_return failure(endpoints);
  if (options_.keeps_off_limits) {
    std::erase_if(*endpoints, [](const tcp::endpoint& endpoint) {
      return is_off_limits(endpoint.address().to_string());
    });
    if (endpoints->empty()) co_return fail(Errc::forbidden, origin_.authority + " is not to be called");
  }
  Result<void> last = fail(Errc::connection_failed);
  for (std::size_t i = 0; i < endpoints->size(); ++i) {
    const bool more = i + 1 < endpoints->size();
    lease.renew();
    lease->close_at(more ? std::min(deadline, now() + connect_attempt_max) : deadline);
    ErrorCode error;
    co_await lease->stream.socket().async_connect((*endpoints)[i],
                                                  asio::redirect_error(asio::use_awaitable, error));
    if (!error && !lease->overdue()) {
      lease->close_at(deadline);
      lease->stream.socket().set_option(tcp::no_delay(true), error);
      if (!tls_) co_return Result<void>{};
      co_return co_await start_tls(*lease.operator->());
    }
    last = lease->fault(error, Errc::connection_failed, "cannot connect to " + origin_.authority);
    if (last.error().code == Errc::cancelled || now() >= deadline) break;
  }
  co_return last;
}

Task<Result<void>> HttpClient::Impl::start_tls(PooledConnection& connection) {
  SSL* ssl = connection.stream.start_tls(*tls_).native_handle();
  if (!expect_host(ssl, origin_.host))
    co_return fail(Errc::connection_failed, "not a host's name: " + origin_.host);
  if (session_) SSL_set_session(ssl, session_.get());
  if (const auto error = co_await connection.stream.handshake(asio::ssl::stream_base::client)) {
    co_return connection.fault(error, Errc::connection_failed,
                               handshake_fault(ssl) + ": " + origin_.authority);
  }
  co_return Result<void>{};
}

Task<Result<void>> HttpClient::Impl::send(PooledConnection& connection, std::string request, bool& sent) {
  if (connection.overdue()) co_return fail(Errc::timed_out);
  ErrorCode error;
  const std::size_t written = connection.stream.write_now(request, {}, error);
  sent = written > 0;
  if (!error && written < request.size()) {
    sent = true;
    error = co_await connection.stream.write(std::string_view(request).substr(written));
  }
  if (error)
    co_return connection.fault(error, Errc::connection_lost, "the connection broke: " + origin_.authority);
  co_return Result<void>{};
}

Task<Result<void>> HttpClient::Impl::receive(PooledConnection& connection, AnswerReader& reader) {
  while (!reader.done()) {
    ErrorCode error;
    const std::size_t got = co_await connection.stream.read_some(reader.room(), error);
    Result<void> read;
    if (got > 0) {
      read = reader.took(got);
    } else if (error == asio::error::eof) {
      read = reader.ended();
    } else {
      co_return connection.fault(error, Errc::connection_lost, "the connection broke: " + origin_.authority);
    }
    if (!read) co_return read;
  }
  co_return Result<void>{};
}

void HttpClient::Impl::give_back(std::shared_ptr<PooledConnection> connection) {
  if (stopped_) {
    --open_;
    return connection->stream.close();
  }
  remember_session(*connection);
  connection->idle_since = now();
  idle_.push_back(std::move(connection));
  if (!std::exchange(reaping_, true)) reap();
}

void HttpClient::Impl::remember_session(PooledConnection& connection) {
  if (connection.stream.tls() == nullptr || std::exchange(connection.session_known, true)) return;
  // TLS 1.3 hands sessions out behind the handshake, so one is at hand only after the first answer. A copy,
  // as OpenSSL marks the connection's own as spoilt when that ends without a proper goodbye.
  const SSL_SESSION* session = SSL_get0_session(connection.stream.tls()->native_handle());
  if (SSL_SESSION_is_resumable(session) == 1) session_.reset(SSL_SESSION_dup(session));
}

/// Closes what was idle for too long, oldest first, and comes again when the next one will have been.
void HttpClient::Impl::reap() {
  const auto fresh = std::ranges::find_if(
      idle_, [this](const auto& kept) { return now() - kept->idle_since < options_.kept_idle_max; });
  for (auto kept = idle_.begin(); kept != fresh; ++kept) (*kept)->stream.close();
  open_ -= static_cast<std::size_t>(fresh - idle_.begin());
  idle_.erase(idle_.begin(), fresh);
  reaping_ = !idle_.empty() && !stopped_;
  if (!reaping_) return;
  reaper_.expires_at(idle_.front()->idle_since + options_.kept_idle_max);
  reaper_.async_wait([weak = weak_from_this()](ErrorCode) {
    if (const auto self = weak.lock()) self->reap();
  });
}

void HttpClient::Impl::stop() {
  stopped_ = true;
  reaper_.cancel();
  for (const auto& kept : idle_) kept->stream.close();
  open_ -= idle_.size();
  idle_.clear();
}

HttpClient::HttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() {
  impl_->stop();
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(Reactor& reactor, HttpClientOptions options) {
  auto origin = parse_origin(options.origin);
  if (!origin) return fail(Errc::bad_request, options.origin + " " + origin.error().detail);
  std::optional<asio::ssl::context> tls;
  if (origin->tls) {
    auto context = make_client_tls(options.ca_file);
    if (!context) return failure(context);
    tls.emplace(std::move(*context));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(
      std::make_shared<Impl>(reactor.io(), std::move(options), std::move(*origin), std::move(tls))));
}

Task<std::expected<HttpAnswer, HttpFailure>> HttpClient::call(HttpCall call, MonoTime deadline) {
  return Impl::run(impl_, std::move(call), deadline);
}

}  // namespace perkline::net
