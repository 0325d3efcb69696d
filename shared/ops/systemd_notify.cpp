#include "shared/ops/systemd_notify.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <systemd/sd-daemon.h>

namespace perkline::ops::systemd {
namespace {

/// A line is a field: what is told must not begin another.
std::string status_field(std::string_view line) {
  std::string field = "STATUS=" + std::string(line);
  std::ranges::replace(field, '\n', ' ');
  return field;
}

/// Whether it arrived is systemd's business: a daemon serves either way.
void tell(const std::string& state) {
  (void)::sd_notify(0, state.c_str());
}

}  // namespace

bool listens() {
  return std::getenv("NOTIFY_SOCKET") != nullptr;
}

void ready(std::string_view status) {
  tell("READY=1\n" + status_field(status));
}

void reloading(const Clock& clock) {
  // Of use to newer versions only: 252 knows no Type=notify-reload.
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::microseconds>(clock.mono_now().time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since_boot.count()) +
       "\nSTATUS=reading the configuration again");
}

void stopping() {
  tell("STOPPING=1\nSTATUS=draining");
}

void status(std::string_view line) {
  tell(status_field(line));
}

void feed_watchdog() {
  tell("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_period() {
  std::uint64_t allowed = 0;
  if (::sd_watchdog_enabled(0, &allowed) <= 0) return std::nullopt;
  return std::chrono::microseconds(std::max<std::uint64_t>(1, allowed / 2));
}

}  // namespace perkline::ops::systemd
