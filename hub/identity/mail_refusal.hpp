#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

/// Addresses that a mail server has refused for good: nothing is written to one of them until its user has
/// another, or days have gone by. Pure.
namespace perkline::hub::identity {

/// A server that takes the others' mails may be wrong about one, and somebody may come back.
inline constexpr days mail_refused_for{7};

/// SQL that is true of a row of `users` that has an address to write to; `from` and `to` are the parameters
/// (`$1`) that refused_between() gives.
inline std::string is_written_to(std::string_view from, std::string_view to) {
  std::string sql = "email IS NOT NULL AND (email <> COALESCE(refused_email, '') OR COALESCE(refused_at, 0)";
  return sql.append(" NOT BETWEEN ").append(from).append(" AND ").append(to).append(")");
}

/// Whether a refusal of that moment still holds. One of a clock that was ahead does not.
inline bool holds_refusal(WallTime refused_at, WallTime now) {
  return refused_at > now - mail_refused_for && refused_at <= now + minutes{1};
}

/// The moments of refusals that hold, the first and the last, as parameters: in ms since 1970.
inline std::vector<db::Value> refused_between(WallTime now) {
  const auto millis = [](WallTime time) { return std::int64_t{time.time_since_epoch().count()}; };
  return {millis(now - mail_refused_for) + 1, millis(now + minutes{1})};
}

}  // namespace perkline::hub::identity
