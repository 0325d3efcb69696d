#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "shared/core/bytes.hpp"
#include "shared/core/result.hpp"

namespace perkline::edge::journal {

/// What is on disk: kept in a file outside the database, so that a database that has lost its end is found
/// out. One line of text that people can read: `2 <sequence> <hash in hex> <writes>`, the 2 being the format;
/// format 1 had no writes.
struct HighWater {
  std::uint64_t sequence = 0;  ///< Of the outbox, and the chain there.
  Digest hash{};
  std::uint64_t writes = 0;  ///< RocksDB's own count of all it ever wrote, events or not; 0: not known.
  bool operator==(const HighWater&) const = default;
};

/// Replaces the file: after a crash it holds the old mark or the new one. Errors: io_failed.
Result<void> write_high_water(const std::filesystem::path& file, const HighWater& mark);

/// nullopt when there is no file. Errors: corrupt, newer_format, io_failed.
Result<std::optional<HighWater>> read_high_water(const std::filesystem::path& file);

/// Takes the mark away, before what it vouches for goes: gone for good when it returns. Errors: io_failed.
Result<void> remove_high_water(const std::filesystem::path& file);

}  // namespace perkline::edge::journal
