#include "bench/measure/disk.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "shared/core/assert.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

const fs::path memory = "/dev/shm";
constexpr auto preloaded = "libperkline-steady-disk.so";
constexpr long tmpfs_magic = 0x01021994;

std::string name_of_file_system(const fs::path& folder) {
  struct statfs found{};
  if (::statfs(folder.c_str(), &found) != 0) return "unknown";
  switch (found.f_type) {
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "xfs";
    case 0x9123683E:
      return "btrfs";
    case tmpfs_magic:
      return "tmpfs";
    default:
      return fmt::format("file system {:#x}", static_cast<unsigned long>(found.f_type));
  }
}

/// The median of so many, each behind four KiB; 0: the folder cannot be written to.
double sync_micros(const fs::path& folder) {
  constexpr int syncs = 50;
  std::string path = (folder / "probe-XXXXXX").string();
  const int file = ::mkstemp(path.data());
  if (file < 0) return 0;
  const std::array<char, 4096> block{};
  std::vector<double> took;
  for (int i = 0; i < syncs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (::pwrite(file, block.data(), block.size(), i * 4096) < 0 || ::fdatasync(file) != 0) break;
    took.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  ::close(file);
  ::unlink(path.c_str());
  std::ranges::sort(took);
  return took.empty() ? 0 : took[took.size() / 2];
}

}  // namespace

std::string SteadyDisk::missing(const fs::path& bin_dir) {
  if (!fs::exists(bin_dir / preloaded)) return (bin_dir / preloaded).string() + " is not there";
  if (name_of_file_system(memory) != "tmpfs" || ::access(memory.c_str(), W_OK) != 0)
    return memory.string() + " is no tmpfs that can be written to";
  return {};
}

SteadyDisk::SteadyDisk(const fs::path& bin_dir) {
  std::string pattern = (memory / "perkline-bench-XXXXXX").string();
  PERKLINE_ASSERT(::mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  // PostgreSQL's own user has to come through.
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  ::setenv("LD_PRELOAD", fs::absolute(bin_dir / preloaded).c_str(), 1);
  ::setenv("PERKLINE_SYNC_US", std::to_string(sync_us).c_str(), 1);
  ::setenv("TMPDIR", folder_.c_str(), 1);
}

SteadyDisk::~SteadyDisk() {
  for (const char* name : {"LD_PRELOAD", "PERKLINE_SYNC_US", "TMPDIR"}) ::unsetenv(name);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string describe_disk(const fs::path& folder) {
  if (const char* micros = std::getenv("PERKLINE_SYNC_US"); micros != nullptr)
    return fmt::format("steady: in memory, each sync waits {} us", micros);
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  return fmt::format("{}, {:.0f} us a sync of 4 KiB", name_of_file_system(folder), sync_micros(folder));
}

}  // namespace perkline::bench
