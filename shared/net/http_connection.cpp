#include "shared/net/http_connection.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include "shared/net/ascii.hpp"
#include "shared/net/http_wire.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::net {
namespace {

constexpr std::size_t buffer_bytes_first = 2 * limits::kib;
/// More is given back before waiting for a request.
constexpr std::size_t buffer_bytes_idle_max = 4 * limits::kib;
constexpr Millis large_bodies_retry{1000};
constexpr std::size_t joined_bytes_max = 16 * limits::kib;  ///< One TLS record.

bool carries_body(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

bool is_type(std::string_view content_type, std::string_view wanted) {
  return equal_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), wanted);
}

/// What a handler's or guard's exception becomes. Its text stays in our log.
Error thrown(std::exception_ptr exception, std::string_view route) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    ops::log(ops::Level::error, "http", "handler threw",
             {{"route", route}, {"what", std::string_view(error.what())}});
  } catch (...) {
    ops::log(ops::Level::error, "http", "handler threw", {{"route", route}});
  }
  return Error{};  // Internal.
}

}  // namespace

HttpConnection::HttpConnection(ServerShared& shared, ByteStream::Socket socket, std::string peer,
                               boost::asio::ssl::context* tls)
    : shared_(shared), stream_(std::move(socket)), tls_(tls), peer_(std::move(peer)) {}

Task<void> HttpConnection::serve() {
  if (tls_ != nullptr) {
    deadline_ = now() + shared_.options.timeouts.head;
    stream_.start_tls(*tls_);
    if (co_await stream_.handshake(boost::asio::ssl::stream_base::server)) co_return stream_.close();
  }
  while (!shared_.stopped && co_await serve_one()) {
  }
  stream_.close();
}

Task<void> HttpConnection::refuse(Error why) {
  idle_ = false;
  Exchange exchange;
  exchange.began = now();
  exchange.close = true;
  exchange.traceparent = ops::new_traceparent(shared_.trace_ids);
  co_await answer(exchange, problem_response(why, exchange.traceparent));
  stream_.close();
}

/// True: another request may come.
Task<bool> HttpConnection::serve_one() {
  const Head found = co_await await_head();
  if (found == Head::gone || shared_.stopped) co_return false;
  deadline_ = MonoTime::max();

  Exchange exchange;
  exchange.began = now();
  Result<void> admitted;
  if (found == Head::complete) {
    admitted = co_await admit(exchange);
  } else {
    exchange.close = true;
    exchange.traceparent = ops::new_traceparent(shared_.trace_ids);
    admitted = found == Head::too_large ? fail(Errc::headers_too_large, "the request's head is over 16 KiB")
                                        : fail(Errc::bad_request, "malformed request head");
  }
  if (!admitted && admitted.error().code == Errc::connection_lost) co_return false;
  if (!admitted)
    co_return co_await answer(exchange, problem_response(admitted.error(), exchange.traceparent));
  if (exchange.preflight) co_return co_await answer(exchange, std::move(*exchange.preflight));

  auto response = co_await run_handler(exchange);
  if (!response)
    co_return co_await answer(exchange, problem_response(response.error(), exchange.traceparent));
  if (response->talk) co_return co_await upgrade(exchange, std::move(*response));
  co_return co_await answer(exchange, std::move(*response));
}

Task<HttpConnection::Head> HttpConnection::await_head() {
  idle_ = unread().empty();
  deadline_ = now() + (idle_ ? shared_.options.timeouts.idle : shared_.options.timeouts.head);
  if (idle_) begin_ = end_ = 0;
  if (idle_ && buffer_.size() > buffer_bytes_idle_max) std::vector<char>().swap(buffer_);
  std::size_t checked = 0;
  while (true) {
    const std::string_view bytes = unread();
    const std::size_t from = checked < 3 ? 0 : checked - 3;
    const std::size_t end = bytes.find("\r\n\r\n", from);
    if (end != std::string_view::npos) {
      head_bytes_ = end + 4;
      co_return head_bytes_ > limits::http_head_bytes_max ? Head::too_large : Head::complete;
    }
    if (!may_become_head(bytes, checked)) co_return Head::garbage;
    if (bytes.size() >= limits::http_head_bytes_max) co_return Head::too_large;
    checked = bytes.size();
    if (!co_await receive()) co_return Head::gone;
    if (!std::exchange(idle_, false)) continue;
    // Only a head that comes in pieces needs the clock read again.
    if (unread().find("\r\n\r\n") == std::string_view::npos)
      deadline_ = now() + shared_.options.timeouts.head;
  }
}

/// Reads some more behind what is unread. False: the connection is over.
Task<bool> HttpConnection::receive() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == buffer_.size()) {
    buffer_.resize(std::clamp(2 * buffer_.size(), buffer_bytes_first, limits::http_head_bytes_max));
  }
  ByteStream::ErrorCode error;
  const std::size_t got = co_await stream_.read_some({buffer_.data() + end_, buffer_.size() - end_}, error);
  end_ += got;
  co_return got > 0 && !shared_.stopped;
}

/// Everything before the handler, in the contract's order.
Task<Result<void>> HttpConnection::admit(Exchange& exchange) {
  if (auto opened = open_exchange(exchange); !opened) co_return failure(opened);
  if (exchange.origin && is_preflight(exchange.request)) {
    auto methods = shared_.router->methods_of(exchange.request.path);
    if (methods.empty()) co_return fail(Errc::not_found);
    exchange.preflight = preflight_answer(std::move(methods));
    co_return Result<void>{};
  }

  auto match = shared_.router->match(exchange.method, exchange.request.path);
  if (!match) co_return failure(match);
  exchange.route = match->route;
  exchange.request.path_values = std::move(match->path_values);

  std::exception_ptr exception;
  try {
    auto principal = co_await shared_.guard(exchange.request, *exchange.route);
    if (!principal) co_return failure(principal);
    exchange.request.principal = std::move(*principal);
    if (exchange.route->upgrades) {
      if (auto opens = check_opening(exchange); !opens) co_return failure(opens);
    }
  } catch (...) {
    exception = std::current_exception();
  }
  if (exception) {
    exchange.close = true;
    co_return fail(thrown(std::move(exception), exchange.route->pattern));
  }
  if (shared_.stopped) co_return fail(Errc::connection_lost);

  if (auto allowed = check_body_fields(exchange); !allowed) {
    exchange.close = true;
    co_return failure(allowed);
  }
  co_return co_await read_body(exchange);
}

Result<void> HttpConnection::open_exchange(Exchange& exchange) {
  auto parsed = parse_request_head({buffer_.data() + begin_, head_bytes_});
  begin_ += head_bytes_;
  if (!parsed) {
    exchange.close = true;
    exchange.traceparent = ops::new_traceparent(shared_.trace_ids);
    return failure(parsed);
  }
  static_cast<RequestHead&>(exchange.request) = std::move(parsed->head);
  Request& request = exchange.request;
  request.peer = shared_.proxies.client_of(peer_, request.headers);
  exchange.origin = shared_.cors.allowed_origin(request);
  request.traceparent = ops::child_traceparent(
      request.headers.find("traceparent").value_or(std::string_view()), shared_.trace_ids);
  exchange.traceparent = request.traceparent;
  exchange.method = request.method;
  exchange.body_bytes = parsed->content_length.value_or(0);
  exchange.body_pending = exchange.body_bytes > 0;
  exchange.expects_continue = parsed->expects_continue;
  exchange.close = !parsed->keep_alive;
  if (carries_body(request.method) && !parsed->content_length) {
    // Said only once the caller is known to be allowed here; whatever it sends meanwhile is not ours to
    // interpret.
    exchange.body_pending = true;
  }
  return {};
}

Result<void> HttpConnection::check_body_fields(const Exchange& exchange) const {
  if (exchange.body_pending && exchange.body_bytes == 0)
    return fail(Errc::length_required, "Content-Length is missing; without a body it is 0");
  if (exchange.body_bytes > shared_.options.body_bytes_max) {
    return fail(Errc::body_too_large,
                "the body may have up to " + std::to_string(shared_.options.body_bytes_max) + " bytes");
  }
  if (exchange.body_bytes == 0 || !carries_body(exchange.method)) return {};
  if (exchange.route->accepts_any_type) return {};
  const std::string_view type = exchange.request.headers.find("Content-Type").value_or(std::string_view());
  if (is_type(type, "application/json")) return {};
  if (exchange.route->accepts_form && is_type(type, "application/x-www-form-urlencoded")) return {};
  return fail(Errc::unsupported_media_type, "Content-Type must be application/json");
}

/// Errors: connection_lost, overloaded.
Task<Result<void>> HttpConnection::read_body(Exchange& exchange) {
  const std::size_t wanted = exchange.body_bytes;
  std::string& body = exchange.request.body;
  std::size_t got = std::min(wanted, unread().size());
  body.assign(unread().substr(0, got));
  begin_ += got;
  if (got < wanted) {
    deadline_ = now() + shared_.options.timeouts.body;
    if (exchange.expects_continue && got == 0) {
      if (co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n")) co_return fail(Errc::connection_lost);
    }
  }
  while (got < wanted) {
    // Memory follows what has come, not what was announced.
    if (got == body.size()) {
      const std::size_t room = std::min(wanted, got + std::max(got, limits::http_small_body_bytes));
      if (!exchange.large_body.grow_to(room, shared_)) {
        exchange.close = true;
        co_return fail({.code = Errc::overloaded,
                        .detail = "too many large bodies at once",
                        .retry_after = large_bodies_retry});
      }
      body.resize(room);
    }
    ByteStream::ErrorCode error;
    const std::size_t more = co_await stream_.read_some({body.data() + got, body.size() - got}, error);
    if (more == 0 || shared_.stopped) co_return fail(Errc::connection_lost);
    got += more;
  }
  deadline_ = MonoTime::max();
  exchange.body_pending = false;
  co_return Result<void>{};
}

/// Errors: internal, when the handler threw.
Task<Result<Response>> HttpConnection::run_handler(Exchange& exchange) {
  std::exception_ptr exception;
  try {
    co_return co_await exchange.route->handler(std::move(exchange.request));
  } catch (...) {
    exception = std::current_exception();
  }
  exchange.close = true;
  co_return fail(thrown(std::move(exception), shared_.stopped ? "" : exchange.route->pattern));
}

/// Sends it; true when the connection stays open for another request.
Task<bool> HttpConnection::answer(Exchange& exchange, Response response) {
  if (response.delivery == Delivery::reset) {
    stream_.reset();
    co_return false;
  }
  if (response.delivery == Delivery::never) {
    co_await withhold();
    co_return false;
  }
  if (exchange.body_pending || shared_.draining) exchange.close = true;
  shared_.cors.mark(response.headers, exchange.origin);
  const bool sent = co_await send(exchange, response);
  if (shared_.stopped) co_return false;
  observe(exchange, response.status);
  if (!sent) co_return false;
  if (!exchange.close) co_return true;
  co_await linger();
  co_return false;
}

void HttpConnection::observe(const Exchange& exchange, int status) const {
  if (!shared_.observe) return;
  shared_.observe({.method = exchange.method,
                   .route = exchange.route != nullptr ? std::string_view(exchange.route->pattern) : "",
                   .status = status,
                   .duration = now() - exchange.began});
}

Task<void> HttpConnection::linger() {
  deadline_ = now() + shared_.options.timeouts.linger;
  buffer_.resize(std::max(buffer_.size(), buffer_bytes_first));
  co_await stream_.linger(limits::lingering_close_bytes_max, buffer_);
}

/// May the page open a WebSocket, and is this how one is opened? Whoever may is asked first: contract.md's
/// order.
Result<void> HttpConnection::check_opening(Exchange& exchange) {
  if (!shared_.cors.may_open_socket(exchange.request))
    return fail(Errc::forbidden, "pages of this origin may not open a socket here");
  if (auto asked = check_web_socket_request(exchange.request); !asked) return asked;
  // Its frames come once it is open: what is here already is somebody else's.
  if (exchange.close || exchange.body_pending || !unread().empty()) {
    exchange.close = true;
    return fail(Errc::bad_request, "nothing may follow before the WebSocket is open");
  }
  exchange.opening = exchange.request;
  return {};
}

/// The connection is a WebSocket from here to its end.
Task<bool> HttpConnection::upgrade(Exchange& exchange, Response response) {
  if (shared_.draining) {
    exchange.close = true;
    co_return co_await answer(
        exchange,
        problem_response({.code = Errc::overloaded, .detail = "the server stops"}, exchange.traceparent));
  }
  std::vector<char>().swap(buffer_);
  begin_ = end_ = 0;
  response.headers.set("traceparent", exchange.traceparent);
  response.headers.set("Date", shared_.date);
  add_common_fields(response.headers, shared_.options.common_headers);
  observe(exchange, response.status);
  web_socket_ = WebSocketSession::make(
      {.stream = stream_, .clock = shared_.clock, .timeouts = shared_.options.timeouts});
  const bool closed = co_await web_socket_->serve(std::move(exchange.opening), std::move(response.headers),
                                                  std::move(response.talk));
  web_socket_.reset();
  if (!closed && !shared_.stopped) co_await linger();
  co_return false;
}

Task<bool> HttpConnection::send(const Exchange& exchange, const Response& response) {
  out_.clear();
  append_answer_head(out_, {.response = response,
                            .traceparent = exchange.traceparent,
                            .date = shared_.date,
                            .common = &shared_.options.common_headers,
                            .close = exchange.close});
  const bool bodiless = exchange.method == Method::head || response.status == 204 || response.status == 304;
  std::string_view body = bodiless ? std::string_view() : response.content();
  if (response.delivery == Delivery::drip) co_return co_await drip(out_.append(body), response.drip_pause);
  if (response.delivery == Delivery::torn || response.delivery == Delivery::cut) {
    (void)co_await stream_.write(std::string_view(out_.append(body)).substr(0, out_.size() / 2));
    if (response.delivery == Delivery::torn) stream_.reset();
    co_return false;
  }

  ByteStream::ErrorCode error;
  std::size_t sent = stream_.write_now(out_, body, error);
  if (error) co_return false;
  if (sent == out_.size() + body.size()) co_return true;

  deadline_ = now() + shared_.options.timeouts.write;
  if (sent == 0 && body.size() <= joined_bytes_max) {
    out_ += body;
    body = {};
  }
  if (sent < out_.size()) {
    if (co_await stream_.write(std::string_view(out_).substr(sent))) co_return false;
    sent = out_.size();
  }
  if (body.empty()) co_return true;
  co_return !co_await stream_.write(body.substr(sent - out_.size()));
}

Task<bool> HttpConnection::drip(std::string bytes, Millis pause) {
  held_ = true;
  for (const char& byte : bytes) {
    deadline_ = MonoTime::max();
    co_await shared_.clock.sleep(pause);
    deadline_ = now() + shared_.options.timeouts.write;
    if (co_await stream_.write({&byte, 1})) co_return false;
  }
  held_ = false;
  co_return true;
}

/// Ends when the connection does; what the peer still sends is dropped.
Task<void> HttpConnection::withhold() {
  held_ = true;
  buffer_.resize(std::max(buffer_.size(), buffer_bytes_first));
  ByteStream::ErrorCode error;
  while (co_await stream_.read_some(buffer_, error) > 0) {
  }
}

}  // namespace perkline::net
