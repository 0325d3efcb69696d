#include "tests/support/raw_http.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

/// -1: refused.
int connected(int family, const sockaddr* address, socklen_t length) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  PERKLINE_ASSERT(fd >= 0);
  if (::connect(fd, address, length) == 0) return fd;
  ::close(fd);
  return -1;
}

int connected_tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

int connected_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  PERKLINE_ASSERT(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

std::optional<std::string> RawAnswer::field(std::string_view name) const {
  for (std::size_t line = head.find("\r\n"); line + 2 < head.size(); line = head.find("\r\n", line + 2)) {
    const std::size_t start = line + 2;
    const std::size_t end = head.find("\r\n", start);
    const std::size_t colon = head.find(':', start);
    if (end == std::string::npos || colon == std::string::npos || colon > end) continue;
    if (colon - start != name.size() || ::strncasecmp(head.data() + start, name.data(), name.size()) != 0)
      continue;
    const std::size_t value = head.find_first_not_of(' ', colon + 1);
    return head.substr(value, end - value);
  }
  return std::nullopt;
}

std::string RawAnswer::code() const {
  constexpr std::string_view key = "\"code\":\"";
  const std::size_t at = body.find(key);
  if (at == std::string::npos) return {};
  const std::size_t start = at + key.size();
  return body.substr(start, body.find('"', start) - start);
}

bool is_listening(std::uint16_t port) {
  const int fd = connected_tcp(port);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

RawHttp::RawHttp(std::uint16_t port, Millis patience) : RawHttp(Connected{connected_tcp(port)}, patience) {}
RawHttp::RawHttp(const std::string& unix_path, Millis patience)
    : RawHttp(Connected{connected_unix(unix_path)}, patience) {}
RawHttp RawHttp::adopt(int fd, Millis patience) {
  return {Connected{fd}, patience};
}

RawHttp::RawHttp(Connected socket, Millis patience) : fd_(socket.fd) {
  PERKLINE_ASSERT(fd_ >= 0);
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

RawHttp::RawHttp(RawHttp&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}
RawHttp::~RawHttp() {
  close();
}

void RawHttp::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawHttp::reset() {
  const linger abrupt{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
  close();
}

void RawHttp::half_close() {
  ::shutdown(fd_, SHUT_WR);
}

bool RawHttp::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

RawHttp::Got RawHttp::fill() {
  std::array<char, 65536> some{};
  const ssize_t got = ::recv(fd_, some.data(), some.size(), 0);
  if (got > 0) {
    unread_.append(some.data(), static_cast<std::size_t>(got));
    return Got::bytes;
  }
  return got == 0 || errno == ECONNRESET ? Got::end : Got::nothing;
}

std::optional<RawAnswer> RawHttp::read_head() {
  while (true) {
    if (const std::size_t end = unread_.find("\r\n\r\n"); end != std::string::npos) {
      RawAnswer answer;
      answer.head = unread_.substr(0, end + 4);
      unread_.erase(0, end + 4);
      if (answer.head.starts_with("HTTP/1.1 ")) answer.status = std::atoi(answer.head.c_str() + 9);
      return answer;
    }
    if (fill() != Got::bytes) return std::nullopt;
  }
}

std::optional<RawAnswer> RawHttp::read_answer() {
  auto answer = read_head();
  if (!answer) return std::nullopt;
  const std::size_t length = std::strtoul(answer->field("Content-Length").value_or("0").c_str(), nullptr, 10);
  auto body = read_bytes(length);
  if (!body) return std::nullopt;
  answer->body = std::move(*body);
  return answer;
}

std::optional<std::string> RawHttp::read_bytes(std::size_t count) {
  while (unread_.size() < count) {
    if (fill() != Got::bytes) return std::nullopt;
  }
  std::string bytes = unread_.substr(0, count);
  unread_.erase(0, count);
  return bytes;
}

std::optional<std::string> RawHttp::read_until_closed() {
  while (true) {
    switch (fill()) {
      case Got::bytes:
        break;
      case Got::end:
        return std::exchange(unread_, {});
      case Got::nothing:
        return std::nullopt;
    }
  }
}

}  // namespace perkline::test
