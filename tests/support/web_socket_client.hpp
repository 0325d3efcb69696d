#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/raw_http.hpp"

namespace perkline::test {

/// A client's end of one WebSocket over a blocking socket, frame by frame (RFC 6455 §5): also for frames that
/// no client would send.
class WebSocketClient {
 public:
  /// Asks for it at once. `fields`: more of the request's, each with its line's end. `patience`: for every
  /// read.
  explicit WebSocketClient(std::uint16_t port, const std::string& target, const std::string& fields = "",
                           Millis patience = seconds{10});

  /// What the server said; an answer of another status than 101 has its body.
  const RawAnswer& answer() const { return answer_; }
  bool is_open() const { return answer_.status == 101; }

  /// The next text; pings on the way are answered. nullopt: the socket ended (close_code() says how), or
  /// patience did.
  std::optional<std::string> next_text();
  /// What the server closed with; reads until it does. nullopt: it broke off, or patience ended.
  std::optional<std::uint16_t> close_code();
  std::size_t pings() const { return pings_; }
  /// Answers so many pings; texts on the way are dropped. False: the socket ended before, or patience did.
  bool answer_pings(std::size_t count);
  /// From here on pings stay unanswered.
  void ignore_pings() { answers_pings_ = false; }

  enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  enum class Mask : std::uint8_t { yes, no };
  /// False: the peer has closed.
  bool send(Opcode opcode, std::string_view payload, Mask mask = Mask::yes);
  void close();
  RawHttp& connection() { return connection_; }

 private:
  struct Frame {
    Opcode opcode;
    std::string payload;
  };
  std::optional<Frame> read_frame();
  /// The next one, after what it asks of a client is done.
  std::optional<Frame> next_frame();

  RawHttp connection_;
  RawAnswer answer_;
  std::optional<std::uint16_t> close_code_;
  std::size_t pings_ = 0;
  bool answers_pings_ = true;
};

/// The field that says who is there.
std::string socket_token(const std::string& token);

}  // namespace perkline::test
