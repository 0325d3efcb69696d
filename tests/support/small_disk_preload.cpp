/// Preloaded into a daemon (LD_PRELOAD) where no small file system can be mounted: the disk under the folder
/// PERKLINE_DISK_FOLDER has as many bytes free as the file PERKLINE_DISK_FREE names holds, eight bytes of
/// them, which may change at any time; while there are none, what is written under the folder fails with
/// ENOSPC.
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace {

using Free = std::atomic<std::uint64_t>;
static_assert(sizeof(Free) == 8 && Free::is_always_lock_free);

const Free& free_bytes() {
  static const Free* const mapped = [] {
    const char* path = std::getenv("PERKLINE_DISK_FREE");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    void* memory = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Free), PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::abort();
    ::close(fd);
    return static_cast<const Free*>(memory);
  }();
  return *mapped;
}

bool is_on_disk(int fd) {
  char link[64];
  char path[1024];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link, path, sizeof path);
  return length > 0 && std::string_view(path, static_cast<std::size_t>(length))
                           .starts_with(std::getenv("PERKLINE_DISK_FOLDER"));
}

}  // namespace

extern "C" {

int statvfs(const char* path, struct statvfs* info) {
  static const auto next =
      reinterpret_cast<int (*)(const char*, struct statvfs*)>(::dlsym(RTLD_NEXT, "statvfs"));
  const int result = next(path, info);
  if (result == 0 && std::string_view(path).starts_with(std::getenv("PERKLINE_DISK_FOLDER")))
    info->f_bavail = info->f_bfree = free_bytes().load() / info->f_frsize;
  return result;
}

ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto next =
      reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(::dlsym(RTLD_NEXT, "write"));
  if (free_bytes().load() > 0 || !is_on_disk(fd)) return next(fd, bytes, count);
  errno = ENOSPC;
  return -1;
}
}
