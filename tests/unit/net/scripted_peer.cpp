#include "tests/unit/net/scripted_peer.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/core/assert.hpp"

namespace perkline::test {

ScriptedPeer::ScriptedPeer(std::function<void(RawHttp&)> script)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), script_(std::move(script)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  PERKLINE_ASSERT(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  PERKLINE_ASSERT(::listen(listener_, SOMAXCONN) == 0);
  PERKLINE_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] {
    for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0;
         fd = ::accept(listener_, nullptr, nullptr)) {
      ++accepted_;
      RawHttp connection = RawHttp::adopt(fd);
      script_(connection);
    }
  });
}

ScriptedPeer::~ScriptedPeer() {
  ::shutdown(listener_, SHUT_RDWR);  // Wakes the accept.
  thread_.join();
  ::close(listener_);
}

std::function<void(RawHttp&)> answering(std::string bytes) {
  return [bytes = std::move(bytes)](RawHttp& connection) {
    if (connection.read_answer()) connection.send(bytes);
  };
}

}  // namespace perkline::test
