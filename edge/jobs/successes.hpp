#pragma once

#include <optional>
#include <string_view>

#include "edge/journal/journal.hpp"
#include "shared/core/clock.hpp"

/// When what is done regularly was last done with success, in the journal's family meta under `job.<name>`:
/// ms since 1970, u64, big-endian. Reactor's thread.
namespace perkline::edge::jobs {

/// No job of the daemon's own: a timer asks for it.
inline constexpr std::string_view backup_name = "backup";

/// When that run began; nullopt: there was none. What cannot be read counts as none, and is logged.
std::optional<WallTime> last_success(const journal::JournalReader& journal, std::string_view name);

/// Durable when it returns. The last word counts, whatever the clock said before.
Task<void> keep_success(journal::Journal& journal, std::string_view name, WallTime began);

}  // namespace perkline::edge::jobs
