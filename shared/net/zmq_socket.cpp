#include "shared/net/zmq_socket.hpp"

#include <array>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/link.hpp"

namespace perkline::net {
namespace zmq {

void* context() {
  static void* const only = zmq_ctx_new();
  PERKLINE_ASSERT(only != nullptr);
  return only;
}

Socket::Socket(int type) : handle_(zmq_socket(context(), type)) {
  PERKLINE_ASSERT(handle_ != nullptr);
}
Socket::~Socket() {
  zmq_close(handle_);
}

void Socket::set(int option, int value) {
  PERKLINE_ASSERT(zmq_setsockopt(handle_, option, &value, sizeof value) == 0);
}
void Socket::set(int option, std::string_view value) {
  PERKLINE_ASSERT(zmq_setsockopt(handle_, option, value.data(), value.size()) == 0);
}

void Socket::set_common() {
  const auto frame_max = static_cast<std::int64_t>(limits::sync_frame_bytes_max);
  PERKLINE_ASSERT(zmq_setsockopt(handle_, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0);
  set(ZMQ_LINGER, 0);
  set(ZMQ_HEARTBEAT_IVL, 5000);
  set(ZMQ_HEARTBEAT_TIMEOUT, 15'000);
  set(ZMQ_HANDSHAKE_IVL, 5000);
}

std::optional<std::string> Part::property(const char* name) {
  const char* value = zmq_msg_gets(&message_, name);
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::vector<std::string> receive_all(void* socket) {
  std::vector<std::string> parts;
  while (true) {
    Part part;
    if (!part.receive(socket)) return {};
    parts.push_back(part.text());
    if (!part.more()) return parts;
  }
}

bool send(void* socket, std::string_view part, bool more) {
  return zmq_send(socket, part.data(), part.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
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

}  // namespace zmq

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
  const auto bytes = zmq::key_bytes(secret_key);
  if (!bytes) return std::unexpected(bytes.error());
  Z85 secret{};
  Z85 derived{};
  PERKLINE_ASSERT(zmq_z85_encode(secret.data(), reinterpret_cast<const std::uint8_t*>(bytes->data()),
                                 bytes->size()) != nullptr);
  PERKLINE_ASSERT(zmq_curve_public(derived.data(), secret.data()) == 0);
  return hex_of(derived);
}

}  // namespace perkline::net
