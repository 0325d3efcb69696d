#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace perkline::test {

/// A number that a library preloaded into a daemon goes by, and that may change at any time: how wrong the
/// wall clock is (libclock_shift, PERKLINE_CLOCK_SHIFT, seconds), or what is free on the disk
/// (libsmall_disk_preload, PERKLINE_DISK_FREE, bytes).
class NumberFile {
 public:
  /// `file` is made; `variable` is how the library finds it.
  NumberFile(std::filesystem::path file, std::string variable, std::int64_t first);
  /// `NAME=value`, for bench::Fleet.
  std::string environment() const { return variable_ + "=" + file_.string(); }
  void set(std::int64_t number);

 private:
  const std::filesystem::path file_;
  const std::string variable_;
};

}  // namespace perkline::test
