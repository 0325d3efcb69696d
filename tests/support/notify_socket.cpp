#include "tests/support/notify_socket.hpp"

#include <array>
#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

NotifySocket::Fields fields_of(std::string_view state) {
  NotifySocket::Fields fields;
  while (!state.empty()) {
    const std::string_view line = state.substr(0, state.find('\n'));
    state.remove_prefix(std::min(line.size() + 1, state.size()));
    const std::size_t equals = std::min(line.find('='), line.size());
    fields.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  return fields;
}

}  // namespace

NotifySocket::NotifySocket(std::optional<Millis> watchdog)
    : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const std::string path = folder_.file("notify");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  PERKLINE_ASSERT(fd_ >= 0);
  PERKLINE_ASSERT(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  if (watchdog) ::setenv("WATCHDOG_USEC", std::to_string(watchdog->count() * 1000).c_str(), 1);
}

NotifySocket::~NotifySocket() {
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  ::close(fd_);
}

std::optional<NotifySocket::Fields> NotifySocket::receive(Millis patience) {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
  std::array<char, 4096> datagram{};
  const ssize_t size = ::recv(fd_, datagram.data(), datagram.size(), 0);
  PERKLINE_ASSERT(size >= 0);
  return fields_of({datagram.data(), static_cast<std::size_t>(size)});
}

std::optional<NotifySocket::Fields> NotifySocket::await(const std::string& field, Millis patience) {
  const SystemClock clock;
  const MonoTime give_up = clock.mono_now() + patience;
  while (clock.mono_now() < give_up) {
    const auto fields = receive(std::chrono::ceil<Millis>(give_up - clock.mono_now()));
    if (fields && fields->contains(field)) return fields;
  }
  return std::nullopt;
}

}  // namespace perkline::test
