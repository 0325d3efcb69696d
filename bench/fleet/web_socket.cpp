#include "bench/fleet/web_socket.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds opening_patience{10};

enum class Opcode : std::uint8_t { text = 1, close = 8, ping = 9, pong = 10 };

std::size_t number_in(std::string_view bytes) {
  std::size_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<std::uint8_t>(byte);
  return number;
}

/// How many bytes of length follow the first two (RFC 6455 §5.2).
std::size_t length_bytes(std::size_t short_length) {
  constexpr std::size_t two_follow = 126;
  constexpr std::size_t eight_follow = 127;
  if (short_length == two_follow) return 2;
  return short_length == eight_follow ? 8 : 0;
}

/// A client's frames are masked; zeros are a mask too, and nobody between is to be fooled on loopback.
std::string pong(const std::string& payload) {
  constexpr std::uint8_t final_bit = 0x80;
  constexpr std::uint8_t mask_bit = 0x80;
  std::string frame(1, static_cast<char>(final_bit | static_cast<std::uint8_t>(Opcode::pong)));
  frame += static_cast<char>(mask_bit | payload.size());
  return frame + std::string(4, '\0') + payload;
}

}  // namespace

WebSocket::~WebSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Result<WebSocket> WebSocket::open(const At& at) {
  WebSocket opened(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(at.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (opened.fd_ < 0 || ::connect(opened.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail(Errc::io_failed, fmt::format("nobody listens on port {}", at.port));
  // The key is RFC 6455's own example: whether the other end knows the protocol is not in question here.
  opened.send(
      fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Protocol: perkline, bearer.{}\r\n\r\n",
                  at.target, at.port, at.token));
  const Deadline give_up = std::chrono::steady_clock::now() + opening_patience;
  std::size_t end = std::string::npos;
  while ((end = opened.unread_.find("\r\n\r\n")) == std::string::npos) {
    if (!opened.read_to(opened.unread_.size() + 1, give_up))
      return fail(Errc::io_failed, at.target + " was not answered");
  }
  const std::string head = opened.take(end + 4);
  if (!head.starts_with("HTTP/1.1 101 "))
    return fail(Errc::io_failed, at.target + " was answered " + head.substr(0, head.find('\r')));
  return opened;
}

std::optional<std::string> WebSocket::next_text(std::chrono::milliseconds patience) {
  const Deadline give_up = std::chrono::steady_clock::now() + patience;
  while (read_to(2, give_up)) {
    const auto opcode = static_cast<Opcode>(static_cast<std::uint8_t>(unread_[0]) & 0x0fU);
    std::size_t length = static_cast<std::uint8_t>(unread_[1]);
    const std::size_t more = length_bytes(length);
    if (!read_to(2 + more, give_up)) break;
    if (more > 0) length = number_in(std::string_view(unread_).substr(2, more));
    if (!read_to(2 + more + length, give_up)) break;
    take(2 + more);
    std::string payload = take(length);
    if (opcode == Opcode::text) return payload;
    if (opcode == Opcode::close) break;
    if (opcode == Opcode::ping) send(pong(payload));
  }
  return std::nullopt;
}

/// Until so many are unread. False: the peer has closed, or time is up.
bool WebSocket::read_to(std::size_t bytes, Deadline give_up) {
  std::array<char, 4096> buffer{};
  while (unread_.size() < bytes) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) return false;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    unread_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return true;
}

std::string WebSocket::take(std::size_t bytes) {
  std::string taken = unread_.substr(0, bytes);
  unread_.erase(0, bytes);
  return taken;
}

bool WebSocket::send(const std::string& bytes) const {
  return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace perkline::bench
