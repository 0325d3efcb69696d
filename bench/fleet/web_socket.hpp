#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// A client's end of one WebSocket (RFC 6455) on loopback, for who only listens: the hub's notifications.
/// Closed with this object. One thread.
class WebSocket {
 public:
  struct At {
    std::uint16_t port;
    std::string target;  ///< `/api/v1/notifications/ws?after=0`
    std::string token;   ///< An access token.
  };
  /// Errors: io_failed (nobody is there, or who is there refuses).
  static Result<WebSocket> open(const At& at);
  WebSocket(WebSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}
  WebSocket& operator=(WebSocket&&) = delete;
  ~WebSocket();

  /// The next text; pings on the way are answered. nullopt: the socket has ended, or none came in time.
  std::optional<std::string> next_text(std::chrono::milliseconds patience);

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  explicit WebSocket(int fd) : fd_(fd) {}
  bool read_to(std::size_t bytes, Deadline give_up);
  std::string take(std::size_t bytes);
  bool send(const std::string& bytes) const;

  int fd_;
  std::string unread_;
};

}  // namespace perkline::bench
