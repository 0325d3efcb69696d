/// Preloaded into a process (LD_PRELOAD): one write, or one sync, of RocksDB's logs and manifests fails with
/// EIO. PERKLINE_BROKEN_DISK names which: `write 7`, `sync 3`. Or the first so many writes of its tables fail
/// for want of room: `table 3`.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace {

enum class Kind { write, sync, table };

struct Plan {
  Kind kind = Kind::write;
  long number = 0;
};

Plan read_plan() {
  const char* text = std::getenv("PERKLINE_BROKEN_DISK");
  char kind[8] = "";
  Plan plan;
  if (text == nullptr || std::sscanf(text, "%7s %ld", kind, &plan.number) != 2) std::abort();
  if (std::strcmp(kind, "sync") == 0) plan.kind = Kind::sync;
  if (std::strcmp(kind, "table") == 0) plan.kind = Kind::table;
  return plan;
}

std::string_view path_of(int fd, char (&path)[1024]) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link, path, sizeof path);
  return {path, length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// What the call fails with; 0: it does not.
int error_of(int fd, bool sync) {
  static const Plan plan = read_plan();
  static std::atomic<long> calls{0};
  char path[1024];
  const std::string_view name = path_of(fd, path);
  if (plan.kind == Kind::table) return !sync && name.ends_with(".sst") && ++calls <= plan.number ? ENOSPC : 0;
  const bool log = name.ends_with(".log") || name.find("/MANIFEST-") != std::string_view::npos;
  return sync == (plan.kind == Kind::sync) && log && ++calls == plan.number ? EIO : 0;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  const int error = error_of(fd, false);
  if (error == 0) return next(fd, bytes, count);
  errno = error;
  return -1;
}

int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  const int error = error_of(fd, true);
  if (error == 0) return next(fd);
  errno = error;
  return -1;
}

int fdatasync(int fd) {
  static const auto next = real<int (*)(int)>("fdatasync");
  const int error = error_of(fd, true);
  if (error == 0) return next(fd);
  errno = error;
  return -1;
}
}
