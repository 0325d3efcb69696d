#include "shared/net/zmq_socket.hpp"

#include <array>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/link.hpp"

namespace perkline::net {
namespace zeromq {

::zmq::context_t& context() {
  static auto* const only = new ::zmq::context_t();
  return *only;
}

::zmq::socket_t make_socket(::zmq::socket_type type) {
  ::zmq::socket_t socket(context(), type);
  socket.set(::zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(limits::sync_frame_bytes_max));
  socket.set(::zmq::sockopt::linger, 0);
  // The kernel's probes, and none of ZeroMQ's heartbeats: libzmq 4.3.4 aborts the process when one of those
  // is due, or is to be answered, on a connection that has broken while its input had stopped because the
  // reader was behind. A peer that lives and says nothing is for the protocol above to find out.
  socket.set(::zmq::sockopt::tcp_keepalive, 1);
  socket.set(::zmq::sockopt::tcp_keepalive_idle, 5);
  socket.set(::zmq::sockopt::tcp_keepalive_intvl, 5);
  socket.set(::zmq::sockopt::tcp_keepalive_cnt, 2);
  socket.set(::zmq::sockopt::tcp_maxrt, 15'000);
  socket.set(::zmq::sockopt::handshake_ivl, 5000);
  return socket;
}

std::optional<::zmq::message_t> receive_part(::zmq::socket_t& socket) {
  try {
    ::zmq::message_t part;
    if (!socket.recv(part, ::zmq::recv_flags::dontwait)) return std::nullopt;
    return part;
  } catch (const ::zmq::error_t&) {
    return std::nullopt;
  }
}

std::vector<std::string> receive_all(::zmq::socket_t& socket) {
  std::vector<std::string> parts;
  while (true) {
    const auto part = receive_part(socket);
    if (!part) return {};
    parts.push_back(part->to_string());
    if (!part->more()) return parts;
  }
}

bool send(::zmq::socket_t& socket, std::string_view part, bool more) {
  const auto flags =
      more ? ::zmq::send_flags::sndmore | ::zmq::send_flags::dontwait : ::zmq::send_flags::dontwait;
  try {
    return socket.send(::zmq::buffer(part), flags).has_value();
  } catch (const ::zmq::error_t&) {
    return false;  // the peer has gone
  }
}

std::optional<std::string> property(const ::zmq::message_t& part, const char* name) {
  const char* value = zmq_msg_gets(part.handle(), name);  // gets() throws where there is none
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

void wait(std::span<::zmq::pollitem_t> items) {
  try {
    ::zmq::poll(items.data(), items.size(), std::chrono::milliseconds{-1});
  } catch (const ::zmq::error_t&) {
    for (::zmq::pollitem_t& item : items) item.revents = 0;
  }
}

Wake::Wake() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  PERKLINE_ASSERT(descriptor_ >= 0);
}
Wake::~Wake() {
  ::close(descriptor_);
}
void Wake::notify() const {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is being woken anyway.
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}
void Wake::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);
}

Result<std::string> key_bytes(std::string_view hex) {
  auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != 32)
    return fail(Errc::validation_failed, "a key is 64 lower-case hex digits");
  return std::move(*bytes);
}

}  // namespace zeromq

namespace {

constexpr std::size_t z85_size = 41;
using Z85 = std::array<char, z85_size>;

std::string hex_of(const Z85& z85) {
  std::string bytes(32, '\0');
  PERKLINE_ASSERT(zmq_z85_decode(reinterpret_cast<std::uint8_t*>(bytes.data()), z85.data()) != nullptr);
  return to_hex(bytes);
}

}  // namespace

CurveKeys make_curve_keys() {
  Z85 public_key{};
  Z85 secret_key{};
  PERKLINE_ASSERT(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0);
  return {.public_key = hex_of(public_key), .secret_key = hex_of(secret_key)};
}

Result<std::string> public_key_of(std::string_view secret_key) {
  const auto bytes = zeromq::key_bytes(secret_key);
  if (!bytes) return std::unexpected(bytes.error());
  Z85 secret{};
  Z85 derived{};
  PERKLINE_ASSERT(zmq_z85_encode(secret.data(), reinterpret_cast<const std::uint8_t*>(bytes->data()),
                                 bytes->size()) != nullptr);
  PERKLINE_ASSERT(zmq_curve_public(derived.data(), secret.data()) == 0);
  return hex_of(derived);
}

}  // namespace perkline::net
