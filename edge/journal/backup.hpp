#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "edge/journal/high_water.hpp"
#include "edge/journal/journal.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"

namespace perkline::edge::journal {

class RocksStore;

/// One of the backups in a folder. They share files, so that another one costs only what is new.
struct Backup {
  std::uint32_t number = 0;
  StoreId store = {};
  WallTime made_at = {};  ///< Begun: everything acknowledged before it is in there.
  HighWater tail = {};    ///< The outbox reaches it, at least.
  std::uint64_t bytes = 0;
  bool operator==(const Backup&) const = default;
};

/// What a member who is erased asks for (sync.md): no backup is kept for longer.
inline constexpr days backups_kept{35};

struct BackupOrder {
  std::filesystem::path folder;    ///< Made when missing; holds nothing but backups. Not inside `data_dir`.
  std::filesystem::path data_dir;  ///< Where the journal lies.
  StoreId store;
  WallTime now;
  std::stop_token stop = {};
};
struct BackedUp {
  Backup backup;
  /// Older ones whose time was over, by a clock that another backup agrees with.
  std::vector<std::uint32_t> removed;
};
/// Backs `store` up while it is in use: flushed, copied, synced, read again with all checksums, opened, and
/// held against what was on disk when it began. Blocks for as long as that takes; any thread. Errors:
/// bad_request (the folder will not do), corrupt (it does not read back), io_failed, cancelled.
Result<BackedUp> back_up(RocksStore& store, const BackupOrder& order);

struct RestoreOrder {
  std::filesystem::path folder;                        ///< Of the backups.
  std::filesystem::path data_dir;                      ///< Made when missing.
  StoreId store;                                       ///< Whose backup it must be.
  std::optional<std::uint32_t> number = std::nullopt;  ///< nullopt: the newest.
  WallTime now;
  /// Looks at what was restored before it counts; an error leaves everything as it was.
  std::function<Result<void>(const JournalReader& journal)> check;
};
/// Puts a backup where no journal is, reads it with all checksums, marks it as restored (restored.hpp), and
/// only then makes it the journal; the high-water mark begins anew. Cut short, it leaves no journal, and is
/// to be run again. Errors: already_exists (there is a journal: nothing is overwritten), not_found,
/// bad_request (another store's), corrupt, newer_format, io_failed (also: a daemon runs), and check's.
Result<Backup> restore(const RestoreOrder& order);

}  // namespace perkline::edge::journal
