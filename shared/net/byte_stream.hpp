#pragma once

#include <memory>
#include <span>
#include <string>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "shared/net/task.hpp"

namespace perkline::net {

/// One connected socket, TCP or Unix, in the clear or under TLS. One read and one write at a time; close()
/// ends both. A read or write that was cancelled leaves nothing usable behind.
class ByteStream {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;
  using ErrorCode = boost::system::error_code;
  using Tls = boost::asio::ssl::stream<Socket&>;

  explicit ByteStream(Socket socket) : socket_(std::move(socket)) {}
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  Socket& socket() { return socket_; }
  /// From here on bytes go through TLS; the handshake is the first thing to await. Returns what to set
  /// options on.
  Tls& start_tls(boost::asio::ssl::context& context);
  Tls* tls() { return tls_.get(); }
  Task<ErrorCode> handshake(boost::asio::ssl::stream_base::handshake_type type);

  /// At least one byte; 0 with `error` set (eof at the peer's end) otherwise.
  Task<std::size_t> read_some(std::span<char> into, ErrorCode& error);

  /// Tries to write both without waiting; how much went. 0 under TLS.
  std::size_t write_now(std::string_view first, std::string_view second, ErrorCode& error);
  /// All of `bytes`, which must stay where they are.
  Task<ErrorCode> write(std::string_view bytes);

  /// Says that nothing more will come (under TLS and TCP), and then reads and drops up to `bytes_max` until
  /// the peer ends too: closing with bytes unread would make the kernel reset the connection and lose our
  /// last answer.
  Task<void> linger(std::size_t bytes_max, std::span<char> scratch);

  void close();
  /// Closes with a TCP reset.
  void reset();

  /// Whether a kept connection may be used again: the peer has neither ended it nor sent anything unasked.
  bool is_quiet();

 private:
  Socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace perkline::net
