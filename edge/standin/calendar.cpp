#include "edge/standin/calendar.hpp"

#include <date/tz.h>

namespace perkline::edge::standin {

std::chrono::sys_days local_day(const std::string& timezone, WallTime time) {
  if (timezone == "UTC") return std::chrono::floor<days>(time);  // also where there is no tz database
  const auto local = date::locate_zone(timezone)->to_local(time);
  return std::chrono::sys_days{std::chrono::floor<days>(local).time_since_epoch()};
}

}  // namespace perkline::edge::standin
