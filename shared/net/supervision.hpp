#pragma once

#include <functional>
#include <string>

#include "shared/net/async_clock.hpp"

namespace perkline::ops {
class Health;
}

namespace perkline::net {

/// Feeds systemd's watchdog at half the time it allows, for as long as no required check of `health` is down,
/// and keeps the line that `systemctl status` shows. A flow of the daemon's reactor, so that one that is
/// wedged feeds nothing either. Ends at once where systemd does not listen; all references outlive it.
Task<void> report_to_systemd(AsyncClock& clock, const ops::Health& health,
                             std::function<std::string()> status);

}  // namespace perkline::net
