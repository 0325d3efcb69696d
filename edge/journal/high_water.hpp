#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "shared/core/bytes.hpp"
#include "shared/core/result.hpp"

namespace perkline::edge::journal {

/// An outbox sequence that is on disk, and the chain there.
struct HighWater {
  std::uint64_t sequence = 0;
  Digest hash{};
};

/// Replaces the file, so that after a crash it holds the old mark or the new one. Not synced: a mark that
/// lags is still true. Errors: io_failed.
Result<void> write_high_water(const std::filesystem::path& file, const HighWater& mark);
/// nullopt when there is no file. Errors: corrupt, io_failed.
Result<std::optional<HighWater>> read_high_water(const std::filesystem::path& file);

}  // namespace perkline::edge::journal
