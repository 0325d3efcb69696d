#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/journal/journal.hpp"

namespace perkline::edge::journal {

/// Where an epoch of the outbox begins: the position before its first event. Sequence = position − base.
struct EpochBase {
  std::uint64_t epoch = 1;
  std::uint64_t position = 0;
};

// What the outbox keeps in family meta about it.
/// EpochBases, rising, once there has been more than one epoch.
inline constexpr std::string_view bases_key = "bases";
/// (position, hash) of the last event that was removed as acknowledged.
inline constexpr std::string_view pruned_key = "pruned";

/// All epochs by rising position, the present one last; never empty. Errors: corrupt, io_failed.
Result<std::vector<EpochBase>> read_bases(const JournalReader& journal, std::uint64_t present_epoch);

/// Each as (epoch, position), big-endian.
std::string encode(const std::vector<EpochBase>& bases);

/// The epoch that `position` belongs to: the last one that begins before it, or the first.
const EpochBase& base_of(const std::vector<EpochBase>& bases, std::uint64_t position);

}  // namespace perkline::edge::journal
