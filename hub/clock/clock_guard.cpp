#include "hub/clock/clock_guard.hpp"

namespace perkline::hub::clock {

Millis ClockGuard::off(const Reading& then, const Reading& now) {
  const auto passed = std::chrono::duration_cast<Millis>(now.mono - then.mono);
  return std::chrono::abs(now.wall - then.wall - passed);
}

Result<WallTime> ClockGuard::now_for_good() const {
  const Reading now = read();
  if (right_ && off(*right_, now) <= off_max) return now.wall;
  return fail(
      Errc::session_state,
      "the clock says " + format_time(now.wall) +
          ", which is more than a day off what is known of the time: put it right, or confirm it with "
          "perkline-hub clock confirm");
}

std::optional<WallTime> ClockGuard::look(std::optional<WallTime> vouched) {
  const Reading now = read();
  bool right = right_ && off(*right_, now) <= off_max;
  if (!right) {
    const bool known = !vouched || std::chrono::abs(now.wall - *vouched) <= off_max;
    if (!even_ || off(*even_, now) > uneven_max) even_ = now;
    right = known || now.mono - even_->mono >= believed_after;
    if (right) right_ = now;
  }
  if (right) even_.reset();
  in_doubt_ = !right;
  if (!right) return std::nullopt;
  return now.wall;
}

}  // namespace perkline::hub::clock
