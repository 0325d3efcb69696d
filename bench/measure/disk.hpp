#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace perkline::bench {

/// A disk that is the same at any time, for ratios that can be repeated where the machine's own is shared:
/// files lie in memory, and each sync of a process started meanwhile waits for as long as a good SSD takes.
/// Nothing on it is durable. It goes with this object.
class SteadyDisk {
 public:
  static constexpr int sync_us = 200;
  /// Why there can be none; empty: there can. `bin_dir`: where libperkline-steady-disk.so is.
  static std::string missing(const std::filesystem::path& bin_dir);

  /// For children of this process from now on (LD_PRELOAD, TMPDIR).
  explicit SteadyDisk(const std::filesystem::path& bin_dir);
  ~SteadyDisk();
  SteadyDisk(const SteadyDisk&) = delete;
  SteadyDisk& operator=(const SteadyDisk&) = delete;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

/// The file system of a folder and what a sync of four KiB takes there, or that it is steady: for reports.
std::string describe_disk(const std::filesystem::path& folder);

}  // namespace perkline::bench
