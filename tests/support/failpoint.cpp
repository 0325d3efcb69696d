/// Preloaded into a daemon (LD_PRELOAD): something happens to it at its n-th write, sync, send or receipt, as
/// the file says that PERKLINE_FAILPOINT names (FailpointPlan). PERKLINE_FAILPOINT_FOLDER is the folder whose
/// files count, PERKLINE_FAILPOINT_PDI and PERKLINE_FAILPOINT_HUB are the ports, either end's, whose sockets
/// do.
#include "tests/support/failpoint.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using perkline::test::FailpointPlan;
using perkline::test::Happening;
using perkline::test::Place;

FailpointPlan& plan() {
  static FailpointPlan* const mapped = [] {
    const char* path = std::getenv("PERKLINE_FAILPOINT");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    void* memory = MAP_FAILED;
    if (fd >= 0) memory = ::mmap(nullptr, sizeof(FailpointPlan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::abort();
    ::close(fd);
    return static_cast<FailpointPlan*>(memory);
  }();
  return *mapped;
}

int port_named(const char* variable) {
  const char* digits = std::getenv(variable);
  return digits == nullptr ? -1 : std::atoi(digits);
}

bool is_data(int fd) {
  static const std::string_view folder = [] {
    const char* path = std::getenv("PERKLINE_FAILPOINT_FOLDER");
    return path == nullptr ? std::string_view("/") : std::string_view(path);
  }();
  char link[64];
  char path[1024];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link, path, sizeof path);
  return length > 0 && std::string_view(path, static_cast<std::size_t>(length)).starts_with(folder);
}

int port_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (ask(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sin_family != AF_INET) return 0;
  return ntohs(address.sin_port);
}

enum class Doing { writing, syncing, sending, receiving };

/// nullopt: not of ours.
std::optional<Place> place_of(int fd, Doing doing) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return std::nullopt;
  if (S_ISREG(info.st_mode)) {
    if (doing == Doing::sending || doing == Doing::receiving || !is_data(fd)) return std::nullopt;
    return doing == Doing::writing ? Place::write : Place::sync;
  }
  if (!S_ISSOCK(info.st_mode) || doing == Doing::syncing) return std::nullopt;
  static const int pdi = port_named("PERKLINE_FAILPOINT_PDI");
  static const int hub = port_named("PERKLINE_FAILPOINT_HUB");
  const bool out = doing != Doing::receiving;
  for (auto* const ask : {&::getpeername, &::getsockname}) {
    const int port = port_of(fd, ask);
    if (port != 0 && port == pdi) return out ? Place::pdi_send : Place::pdi_receive;
    if (port != 0 && port == hub) return out ? Place::hub_send : Place::hub_receive;
  }
  return std::nullopt;
}

/// What is to happen now; counts.
std::optional<Happening> draw(Place place) {
  const auto count = ++plan().counts[static_cast<std::size_t>(place)];
  if (plan().armed == 0 || plan().place != static_cast<std::uint32_t>(place) || plan().wanted != count)
    return std::nullopt;
  if (plan().armed.exchange(0) == 0) return std::nullopt;
  ++plan().happened;
  return static_cast<Happening>(plan().happening.load());
}

[[noreturn]] void crash() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

/// The call, or what happens in its stead.
template <class Call>
auto around(int fd, Doing doing, Call&& call) -> decltype(call()) {
  const auto place = place_of(fd, doing);
  if (!place) return call();
  if (doing == Doing::receiving) {
    // A look that finds nothing is no receipt. Of one there is but one moment: it is here, and not yet read.
    const auto received = call();
    if (received > 0 && draw(*place)) crash();
    return received;
  }
  const auto happening = draw(*place);
  if (!happening) return call();
  switch (*happening) {
    case Happening::crash_before:
      crash();
    case Happening::crash_after:
      (void)call();
      crash();
    case Happening::io_error:
      errno = EIO;
      return -1;
    case Happening::disk_full:
      errno = ENOSPC;
      return -1;
  }
  return call();
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  return around(fd, Doing::writing, [&] { return next(fd, bytes, count); });
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return around(fd, Doing::writing, [&] { return next(fd, bytes, count, offset); });
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  return around(fd, Doing::writing, [&] { return next(fd, bytes, count, offset); });
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  static auto* const next = real<ssize_t(int, const iovec*, int)>("writev");
  return around(fd, Doing::writing, [&] { return next(fd, pieces, count); });
}

int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  return around(fd, Doing::syncing, [&] { return next(fd); });
}

int fdatasync(int fd) {
  static auto* const next = real<int(int)>("fdatasync");
  return around(fd, Doing::syncing, [&] { return next(fd); });
}

ssize_t send(int fd, const void* bytes, size_t count, int flags) {
  static auto* const next = real<ssize_t(int, const void*, size_t, int)>("send");
  return around(fd, Doing::sending, [&] { return next(fd, bytes, count, flags); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const next = real<ssize_t(int, const msghdr*, int)>("sendmsg");
  return around(fd, Doing::sending, [&] { return next(fd, message, flags); });
}

ssize_t recv(int fd, void* bytes, size_t count, int flags) {
  static auto* const next = real<ssize_t(int, void*, size_t, int)>("recv");
  return around(fd, Doing::receiving, [&] { return next(fd, bytes, count, flags); });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const next = real<ssize_t(int, msghdr*, int)>("recvmsg");
  return around(fd, Doing::receiving, [&] { return next(fd, message, flags); });
}
}
