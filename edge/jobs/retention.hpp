#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// For how long the hub has had the outbox's events, counted from look to look: no event's stamp is asked,
/// and a clock that jumps between two looks adds at most a seventh of what is to be counted, and a day. So
/// one wrong start makes nothing old, and one that was right again nothing young.
class AckedAges {
 public:
  AckedAges() = default;
  /// Errors: corrupt.
  static Result<AckedAges> decode(std::string_view bytes);
  std::string encode() const;

  /// `now`, the hub has everything up to that position of the outbox.
  void look(WallTime now, std::uint64_t acked_position, days keep);
  /// Up to that position the hub has had everything for `keep` or longer, by an eighth of it at most; 0:
  /// nothing.
  std::uint64_t old_through(days keep) const;

  bool operator==(const AckedAges&) const = default;

 private:
  /// What the hub had when so much was counted.
  struct Mark {
    Millis counted{0};
    std::uint64_t position = 0;
    bool operator==(const Mark&) const = default;
  };
  std::optional<WallTime> last_look_;
  Millis counted_{0};
  std::vector<Mark> marks_;  ///< Both rise.
};

}  // namespace perkline::edge::jobs
