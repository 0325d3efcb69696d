#include "edge/journal/high_water.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <unistd.h>

namespace perkline::edge::journal {
namespace {

constexpr std::string_view format = "2";
constexpr std::string_view format_without_writes = "1";

/// The text must be on disk before its name is: else a power cut leaves an empty file under it.
bool write_synced(const std::string& file, const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = written && ::fdatasync(fd) == 0;
  return ::close(fd) == 0 && synced;
}

}  // namespace

Result<void> write_high_water(const std::filesystem::path& file, const HighWater& mark) {
  const std::string fresh = file.string() + ".new";
  const std::string text = std::string(format) + ' ' + std::to_string(mark.sequence) + ' ' +
                           to_hex(mark.hash) + ' ' + std::to_string(mark.writes) + '\n';
  std::error_code error;
  if (write_synced(fresh, text)) {
    std::filesystem::rename(fresh, file, error);
    if (!error) return {};
  }
  return fail(Errc::io_failed, file.string() + " cannot be written");
}

Result<std::optional<HighWater>> read_high_water(const std::filesystem::path& file) {
  std::error_code error;
  const bool exists = std::filesystem::exists(file, error);
  if (error) return fail(Errc::io_failed, file.string() + " cannot be read");
  if (!exists) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return fail(Errc::io_failed, file.string() + " cannot be read");

  std::istringstream words(text);
  std::string version;
  std::string hex;
  HighWater mark;
  words >> version;
  if (!version.empty() && version != format && version != format_without_writes &&
      std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; })) {
    return fail(Errc::newer_format, file.string() + " was written by a newer version");
  }
  words >> mark.sequence >> hex;
  if (version == format) words >> mark.writes;
  const auto hash = from_hex(hex);
  if (!words || (version != format && version != format_without_writes) || !hash ||
      hash->size() != mark.hash.size()) {
    return fail(Errc::corrupt, file.string() +
                                   " is damaged: check the disk; if the journal is known to be whole,"
                                   " remove the file");
  }
  std::ranges::copy(*hash, mark.hash.begin());
  return mark;
}

Result<void> remove_high_water(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return fail(Errc::io_failed, file.string() + " cannot be removed");
  // A power cut must not bring it back.
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  if (folder >= 0) ::close(folder);
  if (!synced) return fail(Errc::io_failed, file.parent_path().string() + " cannot be synced");
  return {};
}

}  // namespace perkline::edge::journal
