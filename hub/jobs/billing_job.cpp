#include "hub/jobs/billing_job.hpp"

#include "hub/billing/closing.hpp"

namespace perkline::hub::jobs {

Task<Result<std::int64_t>> close_months(const Parts& parts, std::string) {
  for (std::int64_t closed = 0;; ++closed) {
    // A month that was closed early misses what it still had to come.
    const auto now = parts.guard.now_for_good();
    if (!now) co_return std::unexpected(now.error());
    const auto month = co_await db::write_for<std::optional<billing::Month>>(
        parts.database,
        [&parts, at = *now](db::Transaction& t) { return billing::close_next_month(t, parts.rates, at); });
    if (!month) co_return std::unexpected(month.error());
    if (!*month) co_return closed;
  }
}

}  // namespace perkline::hub::jobs
