#include "shared/net/supervision.hpp"

#include "shared/ops/health.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/systemd_notify.hpp"

namespace perkline::net {
namespace {

/// How often the status is renewed where there is no watchdog.
constexpr seconds status_every{10};

}  // namespace

Task<void> report_to_systemd(AsyncClock& clock, const ops::Health& health,
                             std::function<std::string()> status) {
  if (!ops::systemd::listens()) co_return;
  const auto watchdog = ops::systemd::watchdog_period();
  const auto period = watchdog.value_or(status_every);
  bool well = true;
  while (true) {
    const auto report = health.live();
    const bool is_well = !report.wedged;
    if (watchdog && is_well) ops::systemd::feed_watchdog();
    if (watchdog && well && !is_well) {
      ops::log(ops::Level::error, "supervision", "not well: the watchdog is not fed",
               {{"health", report.body}});
    }
    well = is_well;
    ops::systemd::status(status());
    co_await clock.sleep_until(clock.mono_now() + period);
  }
}

}  // namespace perkline::net
