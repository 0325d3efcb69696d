#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "edge/journal/high_water.hpp"
#include "edge/journal/rocks_store.hpp"

namespace perkline::edge::journal {

/// That the disk has room enough for `folder`/db to be opened: RocksDB aborts where it meets the disk's end
/// while it does, and what its logs hold goes into tables then. Errors: storage_full.
Result<void> check_room(const std::filesystem::path& folder);

/// Where the outbox ends; `writes` is 0. Errors: corrupt, io_failed.
Result<HighWater> tail_of(const JournalReader& journal);
/// Of what `mark` vouches for the outbox only. Errors: corrupt when the journal lacks it.
Result<void> check_reaches(const JournalReader& journal, const HighWater& mark);
/// All that `mark` vouches for. Errors: corrupt when the store lacks some of it.
Result<void> check_reaches(const RocksStore& store, const HighWater& mark);

/// Opens `folder`/db, as long as it holds all that `mark` vouches for (nullopt: nothing).
///
/// When RocksDB refuses it for damage, a copy is opened up to the damage. If that reaches the mark it takes
/// the original's place, which stays as `db.damaged`; what was acknowledged in the second before the crash
/// may be missing then, so the journal counts as restored (restored.hpp). Else the journal stays closed, and
/// the copy stays as `db.salvage`; there is only ever one. Nothing of the original is deleted or changed.
/// Errors, with what to do in `detail`: corrupt, newer_format, io_failed, storage_full (too little room to
/// open it; nothing was tried).
Result<std::unique_ptr<RocksStore>> open_or_salvage(const std::filesystem::path& folder,
                                                    const std::optional<HighWater>& mark);

/// Renames, and sees to it that a power cut does not take it back. Errors: io_failed.
Result<void> rename_synced(const std::filesystem::path& from, const std::filesystem::path& to);
/// What lies in `folder` is on disk when it returns. Errors: io_failed.
Result<void> sync_file_system(const std::filesystem::path& folder);
/// Bytes of all files under `folder`; 0 where there is none.
std::uint64_t bytes_under(const std::filesystem::path& folder);

}  // namespace perkline::edge::journal
