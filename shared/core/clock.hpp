#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace perkline {

using Millis = std::chrono::milliseconds;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// For stamps only: a till's clock may be years off and may jump.
using WallTime = std::chrono::sys_time<Millis>;
/// For every timer and duration; never goes back.
using MonoTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  virtual MonoTime mono_now() const = 0;
};

class SystemClock : public Clock {
 public:
  WallTime wall_now() const override;
  MonoTime mono_now() const override;
};

/// RFC 3339 in UTC with milliseconds: `2026-03-01T12:30:00.250Z`. Years 1970 to 9999; others are clamped.
std::string format_time(WallTime time);

/// Reads what format_time writes (fraction optional, `Z` only). nullopt for anything else.
std::optional<WallTime> parse_time(std::string_view text);

/// A day as `2026-03-01`; years as format_time's.
std::string format_day(std::chrono::sys_days day);
/// Reads what format_day writes, of days there are. nullopt for anything else.
std::optional<std::chrono::sys_days> parse_day(std::string_view text);
/// The day of UTC that `time` lies in.
std::chrono::sys_days utc_day(WallTime time);

}  // namespace perkline
