#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perkline::simulation {

/// Every way PDI, or the line to it, fails a call (the design's list of misbehaviours).
enum class Misbehaviour : std::uint8_t {
  refused,
  dns,
  tls,
  wrong_name,
  connect_timeout,
  hang,
  reset_before,  ///< The connection breaks before the answer; PDI may have acted.
  reset_amid,    ///< In the midst of the answer; PDI has acted.
  drip,
  truncated,
  oversized,
  not_json,
  points_missing,
  points_negative,
  points_fractional,
  points_huge,
  points_string,
  foreign_session,
  status_401,
  status_403,
  status_404,
  status_408,
  status_429,
  status_500,
  status_503,
  committed_unanswered,
};
inline constexpr std::size_t misbehaviour_count = 26;

constexpr std::string_view name_of(Misbehaviour misbehaviour) {
  constexpr std::string_view names[misbehaviour_count] = {"refused",
                                                          "dns",
                                                          "tls",
                                                          "wrong name",
                                                          "connect timeout",
                                                          "hang",
                                                          "reset before",
                                                          "reset amid",
                                                          "drip",
                                                          "truncated",
                                                          "oversized",
                                                          "not JSON",
                                                          "points missing",
                                                          "points negative",
                                                          "points fractional",
                                                          "points huge",
                                                          "points string",
                                                          "foreign session",
                                                          "401",
                                                          "403",
                                                          "404",
                                                          "408",
                                                          "429",
                                                          "500",
                                                          "503",
                                                          "committed but unanswered"};
  return names[static_cast<std::size_t>(misbehaviour)];
}

}  // namespace perkline::simulation
