#pragma once

#include <optional>
#include <string_view>

#include "shared/core/clock.hpp"

/// What a daemon tells systemd of itself (sd_notify(3), `Type=notify`). Nothing happens where nobody listens,
/// which is where NOTIFY_SOCKET is not set. Any thread.
namespace perkline::ops::systemd {

/// Whether anybody listens.
bool listens();

/// It serves. Once at the start, and again after reloading(). `status` is for people.
void ready(std::string_view status);
/// The configuration is being read again; ready() says that it is done.
void reloading(const Clock& clock);
/// It drains, and will be gone.
void stopping();
/// A line that `systemctl status` shows.
void status(std::string_view line);
/// It is well: systemd kills a daemon that has not said so for WATCHDOG_USEC.
void feed_watchdog();

/// How often to say so: half of what systemd allows. nullopt: it does not watch.
std::optional<std::chrono::microseconds> watchdog_period();

}  // namespace perkline::ops::systemd
