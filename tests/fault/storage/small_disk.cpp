#include "tests/fault/storage/small_disk.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "shared/core/limits.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;
using limits::mib;

bool mount_small(const fs::path& folder) {
  fs::create_directories(folder);
  return ::mount("perkline-test", folder.c_str(), "tmpfs", 0, "size=64m,mode=0700") == 0;
}

std::uint64_t free_in(const fs::path& folder) {
  struct ::statvfs info{};
  PERKLINE_ASSERT(::statvfs(folder.c_str(), &info) == 0);
  return info.f_bavail * info.f_frsize;
}

}  // namespace

SmallDisk::SmallDisk(fs::path folder) : folder_(std::move(folder)), mounted_(mount_small(folder_)) {
  if (mounted_) return;
  play(64 * mib);
  ::setenv("LD_PRELOAD", PERKLINE_SMALL_DISK_LIBRARY, 1);
  ::setenv("PERKLINE_DISK_FOLDER", folder_.c_str(), 1);
  ::setenv("PERKLINE_DISK_FREE", control_.file("free").c_str(), 1);
}

SmallDisk::~SmallDisk() {
  if (mounted_) {
    ::umount2(folder_.c_str(), MNT_DETACH);
  } else {
    ::unsetenv("LD_PRELOAD");
  }
}

/// In place: who runs has the file mapped.
void SmallDisk::play(std::uint64_t free_bytes) {
  const int fd = ::open(control_.file("free").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  PERKLINE_ASSERT(fd >= 0 && ::pwrite(fd, &free_bytes, sizeof free_bytes, 0) == sizeof free_bytes);
  ::close(fd);
}

void SmallDisk::leave(std::uint64_t bytes) {
  if (!mounted_) return play(bytes);
  const int fd = ::open((folder_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  PERKLINE_ASSERT(fd >= 0);
  const std::vector<char> block(64 * 1024, 'x');
  while (free_in(folder_) > bytes && ::write(fd, block.data(), block.size()) > 0) {
  }
  ::close(fd);
}

void SmallDisk::clear() {
  if (!mounted_) return play(64 * mib);
  fs::remove(folder_ / "ballast");
}

}  // namespace perkline::test
