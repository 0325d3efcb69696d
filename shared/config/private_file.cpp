#include "shared/config/private_file.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "shared/core/limits.hpp"

namespace perkline::config {
namespace {

constexpr std::size_t bytes_max = 16 * limits::mib;

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

std::unexpected<Error> io_failure(const std::string& path) {
  return fail(Errc::io_failed, path + ": " + std::generic_category().message(errno));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Root's commands write what a daemon that is not root must read: the file keeps its owner, a new one gets
/// its folder's.
bool hand_over(int fd, const std::string& path) {
  if (::geteuid() != 0) return true;
  struct ::stat owner{};
  if (::stat(path.c_str(), &owner) != 0 && ::stat(folder_of(path).c_str(), &owner) != 0) return false;
  return ::fchown(fd, owner.st_uid, owner.st_gid) == 0;
}

}  // namespace

Result<std::string> read_private_file(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) return errno == ENOENT ? fail(Errc::not_found, path + ": is not there") : io_failure(path);
  std::string content;
  std::array<char, 16 * limits::kib> chunk{};
  while (true) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got == 0) return content;
    if (got < 0 && errno != EINTR) return io_failure(path);
    if (got > 0) content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > bytes_max) return fail(Errc::io_failed, path + ": is too large");
  }
}

namespace {

/// `put` gives the written file its name: 0, or -1 and errno.
Result<void> write_private_file(const std::string& path, std::string_view content,
                                int (*put)(const char* from, const char* to)) {
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  {
    const Descriptor file(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!file.ok()) return io_failure(fresh);
    const bool private_to_owner = ::fchmod(file.get(), 0600) == 0 && hand_over(file.get(), path);
    if (!private_to_owner || !write_all(file.get(), content) || ::fsync(file.get()) != 0) {
      auto failed = io_failure(fresh);
      ::unlink(fresh.c_str());
      return failed;
    }
  }
  if (put(fresh.c_str(), path.c_str()) != 0) {
    auto failed = io_failure(path);
    ::unlink(fresh.c_str());
    return failed;
  }
  const Descriptor folder(folder_of(path), O_RDONLY | O_DIRECTORY);
  if (!folder.ok() || ::fsync(folder.get()) != 0) return io_failure(folder_of(path));
  return {};
}

int give_free_name(const char* from, const char* to) {
  return ::link(from, to) == 0 ? ::unlink(from) : -1;
}

}  // namespace

Result<void> replace_private_file(const std::string& path, std::string_view content) {
  return write_private_file(path, content, ::rename);
}

Result<void> make_private_file(const std::string& path, std::string_view content) {
  return write_private_file(path, content, give_free_name);
}

Result<FolderLock> FolderLock::of(const std::string& path) {
  const std::string folder = folder_of(path);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_failure(folder);
  FolderLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return io_failure(folder);
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace perkline::config
