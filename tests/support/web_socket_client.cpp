#include "tests/support/web_socket_client.hpp"

#include <array>

namespace perkline::test {
namespace {

/// RFC 6455 §1.3's own example.
constexpr const char* key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr const char* accepted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::size_t short_max = 125;

std::size_t number_in(const std::string& bytes) {
  std::size_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<std::uint8_t>(byte);
  return number;
}

}  // namespace

WebSocketClient::WebSocketClient(std::uint16_t port, const std::string& target, const std::string& fields,
                                 Millis patience)
    : connection_(port, patience) {
  connection_.send("GET " + target +
                   " HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                   key + "\r\n" + fields + "\r\n");
  auto head = connection_.read_head();
  if (!head) return;
  answer_ = std::move(*head);
  if (answer_.status != 101) {
    const auto length = std::strtoul(answer_.field("Content-Length").value_or("0").c_str(), nullptr, 10);
    answer_.body = connection_.read_bytes(length).value_or("");
  } else if (answer_.field("Sec-WebSocket-Accept") != accepted) {
    answer_.status = 0;
  }
}

std::optional<WebSocketClient::Frame> WebSocketClient::read_frame() {
  const auto head = connection_.read_bytes(2);
  if (!head) return std::nullopt;
  std::size_t length = static_cast<std::uint8_t>((*head)[1]);
  if (length > short_max) {
    const auto more = connection_.read_bytes(length == short_max + 1 ? 2 : 8);
    if (!more) return std::nullopt;
    length = number_in(*more);
  }
  auto payload = connection_.read_bytes(length);
  if (!payload) return std::nullopt;
  return Frame{.opcode = static_cast<Opcode>(static_cast<std::uint8_t>((*head)[0]) & 0x0fU),
               .payload = std::move(*payload)};
}

std::optional<WebSocketClient::Frame> WebSocketClient::next_frame() {
  auto frame = close_code_ ? std::nullopt : read_frame();
  if (!frame) return std::nullopt;
  if (frame->opcode == Opcode::ping) {
    ++pings_;
    if (answers_pings_) send(Opcode::pong, frame->payload);
  }
  if (frame->opcode == Opcode::close) {
    close_code_ = static_cast<std::uint16_t>(number_in(frame->payload.substr(0, 2)));
    send(Opcode::close, frame->payload);
  }
  return frame;
}

std::optional<std::string> WebSocketClient::next_text() {
  while (auto frame = next_frame()) {
    if (frame->opcode == Opcode::text) return std::move(frame->payload);
  }
  return std::nullopt;
}

bool WebSocketClient::answer_pings(std::size_t count) {
  for (const std::size_t wanted = pings_ + count; pings_ < wanted;) {
    if (!next_frame()) return false;
  }
  return true;
}

std::optional<std::uint16_t> WebSocketClient::close_code() {
  while (next_text()) {
  }
  return close_code_;
}

bool WebSocketClient::send(Opcode opcode, std::string_view payload, Mask mask) {
  constexpr std::array<std::uint8_t, 4> masking{0x12, 0x34, 0x56, 0x78};
  const bool masked = mask == Mask::yes;
  std::string frame(1, static_cast<char>(final_bit | static_cast<std::uint8_t>(opcode)));
  const auto flag = masked ? mask_bit : std::uint8_t{0};
  if (payload.size() <= short_max) {
    frame += static_cast<char>(flag | payload.size());
  } else {
    frame += static_cast<char>(flag | (short_max + 1));
    frame += static_cast<char>(payload.size() >> 8U & 0xffU);
    frame += static_cast<char>(payload.size() & 0xffU);
  }
  if (masked) frame.append(masking.begin(), masking.end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(payload[i]);
    frame += static_cast<char>(masked ? byte ^ masking[i % masking.size()] : byte);
  }
  return connection_.send(frame);
}

void WebSocketClient::close() {
  send(Opcode::close, std::string("\x03\xe8", 2));
  close_code();
}

std::string socket_token(const std::string& token) {
  return "Sec-WebSocket-Protocol: perkline, bearer." + token + "\r\n";
}

}  // namespace perkline::test
