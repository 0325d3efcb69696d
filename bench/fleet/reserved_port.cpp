#include "bench/fleet/reserved_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace perkline::bench {

ReservedPort ReservedPort::any(Rng& rng) {
  while (true) {
    const auto port = static_cast<std::uint16_t>(10'000 + rng.below(22'000));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ReservedPort reserved(port, fd);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
    // Only after the bind, which would otherwise share a port that another one holds.
    const int yes = 1;
    const bool shared = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                        ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0;
    if (shared) return reserved;
  }
}

ReservedPort::~ReservedPort() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace perkline::bench
