#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "edge/journal/journal.hpp"
#include "shared/core/clock.hpp"

namespace perkline::edge::journal {

/// What a restore leaves in the journal (family meta): its sessions are those of an older day, and PDI and
/// the hub may know more of them (edge.md, "Restore"). It stays until all of that is known.
struct Restored {
  /// Everything acknowledged before it is in here; of what came later some may be. A clock's word: it may be
  /// wrong, and after restored_at. 1970: nobody knows.
  WallTime backed_up_at = {};
  WallTime restored_at = {};
  bool operator==(const Restored&) const = default;
};

/// nullopt: the journal is no restored one, or all is known by now. Errors: corrupt, newer_format, io_failed.
Result<std::optional<Restored>> read_restored(const JournalReader& journal);

/// The latest restore, also once all is known; nullopt: there never was one. Errors: as read_restored().
Result<std::optional<Restored>> read_last_restore(const JournalReader& journal);

/// When that was, by the clock of then; nullopt also where it cannot be read.
std::optional<WallTime> last_restored_at(const JournalReader& journal);

/// The latest time of the outbox's last events: until then, at least, the journal is whole, and so late was
/// it once by the store's clock. 1970: nobody knows.
WallTime newest_time_in(const JournalReader& journal);

/// Once all is known: goes with the last of what was learnt.
void clear_restored(Batch& batch);

// For the restore itself. Its leases are another journal's from then on (lease_holder.hpp).
void put(Batch& batch, const Restored& restored);
inline constexpr std::string_view restored_key = "restored";
inline constexpr std::string_view last_restore_key = "restored_last";
/// One format byte, then both times as ms since 1970, big-endian.
std::string encode(const Restored& restored);
/// Errors: corrupt, newer_format.
Result<Restored> decode_restored(std::string_view record);

}  // namespace perkline::edge::journal
