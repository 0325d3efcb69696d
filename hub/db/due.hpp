#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"

/// Moments in the database until which something waits: leases, next attempts. They are set by the wall
/// clock, which may have been far ahead for a while; what it put off then is to be due once it is right
/// again, and not in the year that it took it to be.
namespace perkline::hub::db {

/// Replicas' clocks differ by less; a moment that another one has set is not taken for a wrong clock's.
inline constexpr minutes clocks_apart{1};

/// SQL that is true of a moment in `column` that has come, or that lies further ahead than any is ever set.
/// `now` and `beyond` are the parameters (`$1`) that hold now and beyond(). Pure.
inline std::string is_due(std::string_view column, std::string_view now, std::string_view beyond) {
  std::string sql;
  sql.append("(").append(column).append(" <= ").append(now).append(" OR ").append(column);
  return sql.append(" > ").append(beyond).append(")");
}

/// Behind every moment that is set at most `longest` ahead: in ms since 1970. Pure.
inline std::int64_t beyond(WallTime now, Millis longest) {
  return (now + longest + clocks_apart).time_since_epoch().count();
}

}  // namespace perkline::hub::db
