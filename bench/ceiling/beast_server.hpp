#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio.hpp>
#include <boost/beast/http.hpp>

/// The least that serves HTTP with Beast: one thread, callbacks, a buffer a connection, no timers.
namespace ceiling {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

/// Gives the JSON of a 200. On the server's thread, at once or later.
using Reply = std::function<void(const std::string& json)>;
using Handler = std::function<void(std::string body, Reply reply)>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, const Handler& handler) : socket_(std::move(socket)), handler_(handler) {
    socket_.set_option(Tcp::no_delay(true));
  }

  void read() {
    const auto room = asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_);
    socket_.async_read_some(room, [self = shared_from_this()](auto error, std::size_t count) {
      if (!error) self->take(count);
    });
  }

 private:
  void take(std::size_t count) {
    filled_ += count;
    boost::system::error_code error;
    const std::size_t used = parser_->put(asio::buffer(buffer_.data(), filled_), error);
    if (error && error != http::error::need_more) return;
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= used;
    if (!parser_->is_done()) return read();
    handler_(std::move(parser_->get().body()),
             [self = shared_from_this()](const std::string& json) { self->write(json); });
  }

  void write(const std::string& json) {
    answer_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    answer_ += std::to_string(json.size()) + "\r\n\r\n" + json;
    asio::async_write(socket_, asio::buffer(answer_), [self = shared_from_this()](auto error, std::size_t) {
      if (error) return;
      self->parser_ = make_parser();
      self->read();
    });
  }

  using Parser = http::request_parser<http::string_body>;
  static std::unique_ptr<Parser> make_parser() {
    auto parser = std::make_unique<Parser>();
    parser->eager(true);
    return parser;
  }

  Tcp::socket socket_;
  const Handler& handler_;
  std::unique_ptr<Parser> parser_ = make_parser();
  std::array<char, 16 * 1024> buffer_;
  std::size_t filled_ = 0;
  std::string answer_;
};

/// Prints `{"port":N}` and serves until SIGTERM.
class Server {
 public:
  Server(asio::io_context& io, Handler handler)
      : acceptor_(io, {asio::ip::address_v4::loopback(), 0}),
        signals_(io, SIGTERM, SIGINT),
        handler_(std::move(handler)) {
    signals_.async_wait([&io](auto, int) { io.stop(); });
    accept();
    std::printf("{\"port\":%u}\n", unsigned{acceptor_.local_endpoint().port()});
    std::fflush(stdout);
  }

 private:
  void accept() {
    acceptor_.async_accept([this](auto error, Tcp::socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), handler_)->read();
      accept();
    });
  }
  Tcp::acceptor acceptor_;
  asio::signal_set signals_;
  Handler handler_;
};

}  // namespace ceiling
