#pragma once

#include <cstdint>
#include <optional>

#include "edge/session/session_record.hpp"

/// How long sessions are kept, and where. Pure; `now` is the time that sessions age by.
namespace perkline::edge::jobs {

/// A session that has ended moves to the archive at this age.
inline constexpr days archive_age{30};
/// Further than this between two runs, and one of the two clocks may have been wrong.
inline constexpr days clock_agreement{8};

bool may_archive(const session::Session& session, WallTime now);

/// What the clock's word is worth where something is to be forgotten for good: a clock may be years off, and
/// what it has made us forget cannot be told apart from what never was.
enum class ClockTrust : std::uint8_t {
  none,     ///< It disagrees with what it said at the job's last success: nothing is forgotten.
  usual,    ///< It has to say twice that a session is old.
  vouched,  ///< A person has looked at it.
};
ClockTrust trust_in(WallTime now, std::optional<WallTime> last_success);

/// Whether an archived session is to be forgotten. It counts from its end, its latest return being part of
/// that; by a clock of usual trust also from when it came into the archive less the age it had to have then,
/// so that a sale made while the clock was years behind is not forgotten the day after. An arrival that is
/// still to come was stamped by a wrong clock, and says nothing.
bool may_forget(const session::Kept& kept, WallTime now, days keep, ClockTrust trust);

}  // namespace perkline::edge::jobs
