#pragma once

#include <cstdint>
#include <filesystem>

#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A disk of 64 MiB under a folder: a file system of its own (tmpfs), or, where none may be mounted, one that
/// is played to the processes started meanwhile.
class SmallDisk {
 public:
  /// `folder` is made, and covered.
  explicit SmallDisk(std::filesystem::path folder);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  /// Fills it until so much is left; 0: until nothing more can be written.
  void leave(std::uint64_t bytes);
  /// Gives all of that back.
  void clear();

 private:
  void play(std::uint64_t free_bytes);

  const std::filesystem::path folder_;
  const bool mounted_;
  TempDir control_;
};

}  // namespace perkline::test
