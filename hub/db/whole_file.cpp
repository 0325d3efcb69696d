#include "hub/db/whole_file.hpp"

#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace perkline::hub::db {
namespace {

namespace fs = std::filesystem;

Result<void> sync_path(const fs::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced) return fail(Errc::io_failed, path.string() + " cannot be synced");
  return {};
}

}  // namespace

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

WholeFile::WholeFile(const fs::path& target) : target_(target), path_(target.string() + ".new") {}

WholeFile::~WholeFile() {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(path_.string() + suffix, ignored);
}

Result<void> WholeFile::make() const {
  std::error_code ignored;
  fs::remove(path_, ignored);
  const int file = ::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return fail(Errc::io_failed, path_.string() + " cannot be written");
  ::close(file);
  return {};
}

Result<void> WholeFile::put_in_place() const {
  if (auto synced = sync_path(path_, O_RDWR); !synced) return synced;
  std::error_code error;
  fs::rename(path_, target_, error);
  if (error) return fail(Errc::io_failed, target_.string() + " cannot be written");
  return sync_path(folder_of(target_), O_RDONLY | O_DIRECTORY);
}

}  // namespace perkline::hub::db
