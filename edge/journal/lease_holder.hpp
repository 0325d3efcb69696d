#pragma once

#include <chrono>
#include <optional>

#include "edge/journal/journal.hpp"
#include "shared/core/ids.hpp"

/// To whom the hub leases prizes and hands seeds: not to a store but to one journal of it. One that was
/// restored, or that goes on in a new epoch, has forgotten what was drawn last: it holds nothing of what its
/// predecessor was leased, and begins with seeds that nobody has drawn with.
namespace perkline::edge::journal {

struct LeaseHolder {
  /// What is known of the seeds that predecessors may have drawn with, until the clock has told the rest.
  struct Unsettled {
    std::chrono::sys_days drawn = {};       ///< Up to that day, at least.
    std::chrono::sys_days clock_read = {};  ///< That day, at least, the clock read in the predecessor's life.
    bool operator==(const Unsettled&) const = default;
  };
  Uuid id = {};
  /// No draw is made with the seed of that day, or of one before it; nullopt: with any.
  std::optional<std::chrono::sys_days> seeds_closed = std::nullopt;
  /// While it is there, no draw is made at all.
  std::optional<Unsettled> unsettled = std::nullopt;
  bool operator==(const LeaseHolder&) const = default;
};

/// Who the journal is; nullopt: nobody yet. Errors: corrupt, newer_format, io_failed.
Result<std::optional<LeaseHolder>> read_lease_holder(const JournalReader& journal);
/// Whether it is that no more, and another one is to be made. Errors: io_failed.
Result<bool> is_disowned(const JournalReader& journal);

/// From this batch on the journal is no lease's holder.
void disown(Batch& batch);
/// From this batch on it is this one.
void put(Batch& batch, const LeaseHolder& holder);

/// One format byte, the id, then the day as days since 1970, big-endian, if there is one; in format 2 both
/// days of what is unsettled.
std::string encode(const LeaseHolder& holder);
/// Errors: corrupt, newer_format.
Result<LeaseHolder> decode_lease_holder(std::string_view record);
inline constexpr std::string_view lease_holder_key = "lease_holder";
/// There while is_disowned().
inline constexpr std::string_view disowned_key = "lease_disowned";

}  // namespace perkline::edge::journal
