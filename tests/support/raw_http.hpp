#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"

namespace perkline::test {

struct RawAnswer {
  int status = 0;
  std::string head;  ///< With its status line and its empty line.
  std::string body;

  /// The field's value; nullopt when absent.
  std::optional<std::string> field(std::string_view name) const;
  /// problem+json's `code`; empty when there is none.
  std::string code() const;
};

/// Whether anybody listens on 127.0.0.1 there.
bool is_listening(std::uint16_t port);

/// A blocking socket that sends and reads exactly what it is told: for what a well-behaved client would never
/// do. Reads give up after `patience`.
class RawHttp {
 public:
  /// Connects to 127.0.0.1.
  explicit RawHttp(std::uint16_t port, Millis patience = seconds{10});
  /// Connects to a Unix socket.
  explicit RawHttp(const std::string& unix_path, Millis patience = seconds{10});
  /// Takes over a connected socket.
  static RawHttp adopt(int fd, Millis patience = seconds{10});
  RawHttp(RawHttp&& other) noexcept;
  RawHttp& operator=(RawHttp&&) = delete;
  ~RawHttp();

  /// False when the peer has closed.
  bool send(std::string_view bytes);
  /// Ends our direction.
  void half_close();
  void close();
  /// Closes so that the peer sees a reset.
  void reset();

  /// One answer (or request), by its Content-Length; nullopt when the connection ended or patience did.
  std::optional<RawAnswer> read_answer();
  /// The head of an answer whose body will not follow (to HEAD, or `100 Continue`).
  std::optional<RawAnswer> read_head();
  /// So many bytes; nullopt when the connection ended before, or patience did.
  std::optional<std::string> read_bytes(std::size_t count);
  /// Everything until the peer closes; nullopt when it does not (patience).
  std::optional<std::string> read_until_closed();
  /// Whether the peer closes (or resets) within patience; what it still sends is dropped.
  bool is_closed() { return read_until_closed().has_value(); }

  int fd() const { return fd_; }

 private:
  struct Connected {
    int fd;
  };
  RawHttp(Connected socket, Millis patience);
  enum class Got { bytes, end, nothing };
  Got fill();

  int fd_ = -1;
  std::string unread_;
};

}  // namespace perkline::test
