#pragma once

#include <filesystem>

#include "shared/core/result.hpp"

namespace perkline::hub::db {

std::filesystem::path folder_of(const std::filesystem::path& path);

/// A file that is made beside the place it is for, and put there whole or not at all. Gone with this unless
/// it was put in its place, with what SQLite leaves beside one.
class WholeFile {
 public:
  explicit WholeFile(const std::filesystem::path& target);
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  ~WholeFile();

  const std::filesystem::path& path() const { return path_; }
  /// Makes it, empty and its owner's alone. Errors: io_failed.
  Result<void> make() const;
  /// Durable when it returns; in the place of whatever was there. Errors: io_failed.
  Result<void> put_in_place() const;

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

}  // namespace perkline::hub::db
