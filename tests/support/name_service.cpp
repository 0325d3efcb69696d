/// Preloaded into a daemon (LD_PRELOAD): what its look-ups of host names under `.test` say. The file that
/// PERKLINE_NAMES names holds one byte, which may change at any time: `1`: each is 127.0.0.1; else none is
/// known.
#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using Switch = std::atomic<char>;
static_assert(sizeof(Switch) == 1 && Switch::is_always_lock_free);

const Switch* map_file() {
  const char* path = std::getenv("PERKLINE_NAMES");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) std::abort();
  void* mapped = ::mmap(nullptr, sizeof(Switch), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED) std::abort();
  return static_cast<const Switch*>(mapped);
}

using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

}  // namespace

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static const Switch* const known = map_file();
  static const auto real = reinterpret_cast<Lookup>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const bool ours = host != nullptr && std::string_view(host).ends_with(".test");
  if (!ours) return real(host, service, hints, found);
  if (known->load(std::memory_order_relaxed) != '1') return EAI_AGAIN;
  return real("127.0.0.1", service, hints, found);
}
