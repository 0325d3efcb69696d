#include "shared/net/byte_stream.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace perkline::net {

namespace asio = boost::asio;

ByteStream::Tls& ByteStream::start_tls(asio::ssl::context& context) {
  tls_ = std::make_unique<Tls>(socket_, context);
  return *tls_;
}

Task<ByteStream::ErrorCode> ByteStream::handshake(asio::ssl::stream_base::handshake_type type) {
  ErrorCode error;
  co_await tls_->async_handshake(type, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

Task<std::size_t> ByteStream::read_some(std::span<char> into, ErrorCode& error) {
  const asio::mutable_buffer buffer(into.data(), into.size());
  if (tls_)
    co_return co_await tls_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  co_return co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
}

std::size_t ByteStream::write_now(std::string_view first, std::string_view second, ErrorCode& error) {
  if (tls_) return 0;
  const std::array buffers{asio::const_buffer(first.data(), first.size()),
                           asio::const_buffer(second.data(), second.size())};
  if (!socket_.non_blocking()) socket_.non_blocking(true, error);
  const std::size_t written = socket_.write_some(buffers, error);
  if (error == asio::error::would_block || error == asio::error::try_again) error.clear();
  return written;
}

Task<ByteStream::ErrorCode> ByteStream::write(std::string_view bytes) {
  ErrorCode error;
  const asio::const_buffer buffer(bytes.data(), bytes.size());
  if (tls_) {
    co_await asio::async_write(*tls_, buffer, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await asio::async_write(socket_, buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

Task<void> ByteStream::linger(std::size_t bytes_max, std::span<char> scratch) {
  ErrorCode error;
  if (tls_) {
    // Ends when the peer has said the same, or at the first byte of what it still sends.
    co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  }
  socket_.shutdown(Socket::shutdown_send, error);
  std::size_t dropped = 0;
  while (dropped < bytes_max) {
    const asio::mutable_buffer buffer(scratch.data(), scratch.size());
    error.clear();
    dropped += co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

void ByteStream::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

void ByteStream::reset() {
  ErrorCode ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

bool ByteStream::is_quiet() {
  if (!socket_.is_open()) return false;
  if (tls_) {
    SSL* ssl = tls_->native_handle();
    if (SSL_pending(ssl) > 0 || BIO_pending(SSL_get_rbio(ssl)) > 0) return false;
  }
  char byte = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace perkline::net
