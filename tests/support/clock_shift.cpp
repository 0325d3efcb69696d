/// Preloaded into a daemon (LD_PRELOAD): its wall clock is off by as many seconds as the file that
/// PERKLINE_CLOCK_SHIFT names holds, eight bytes of them, which may change at any time.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using Shift = std::atomic<std::int64_t>;
static_assert(sizeof(Shift) == 8 && Shift::is_always_lock_free);

const Shift* map_file() {
  const char* path = std::getenv("PERKLINE_CLOCK_SHIFT");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) std::abort();
  void* mapped = ::mmap(nullptr, sizeof(Shift), PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED) std::abort();
  return static_cast<const Shift*>(mapped);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const Shift* const shift = map_file();
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += shift->load(std::memory_order_relaxed);
  return static_cast<int>(result);
}
