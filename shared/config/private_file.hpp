#pragma once

#include <string>
#include <string_view>

#include "shared/core/result.hpp"

/// Small files that only their owner may read.
namespace perkline::config {

/// Errors: not_found, io_failed (also when it is over 16 MiB).
Result<std::string> read_private_file(const std::string& path);

/// Replaces the file as a whole, mode 0600, the owner staying (a new file gets its folder's); on disk when it
/// returns. Errors: io_failed.
Result<void> replace_private_file(const std::string& path, std::string_view content);
/// Likewise, but where something is there already it stays. Errors: io_failed.
Result<void> make_private_file(const std::string& path, std::string_view content);

/// Held by one process at a time for each folder, released at its end or with the process. It lies on the
/// folder itself, so that it leaves nothing behind.
class FolderLock {
 public:
  /// The lock of the folder that `path` is in; waits for it. Errors: io_failed.
  static Result<FolderLock> of(const std::string& path);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace perkline::config
