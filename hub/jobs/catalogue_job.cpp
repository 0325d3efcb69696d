#include "hub/jobs/catalogue_job.hpp"

#include <array>

#include "hub/promotions/down.hpp"
#include "hub/wheel/down.hpp"

namespace perkline::hub::jobs {

Task<Result<std::int64_t>> refresh_catalogue(const Parts& parts, std::string) {
  co_return co_await refresh_catalogue(parts.database, parts.clock.wall_now());
}

Task<Result<std::int64_t>> refresh_catalogue(db::Database& database, WallTime now) {
  using Refresh = Result<std::int64_t> (*)(db::Transaction&, WallTime);
  constexpr std::array<Refresh, 4> kinds{
      [](db::Transaction& t, WallTime) { return wheel::refresh_prizes_down(t); },
      [](db::Transaction& t, WallTime) { return wheel::refresh_seeds_down(t); },
      [](db::Transaction& t, WallTime) { return wheel::refresh_leases_down(t); },
      [](db::Transaction& t, WallTime at) { return promotions::refresh_down(t, utc_day(at)); }};
  Result<std::int64_t> done = 0;
  for (const Refresh refresh : kinds) {
    auto changed = co_await db::write_for<std::int64_t>(
        database, [refresh, now](db::Transaction& transaction) { return refresh(transaction, now); });
    if (!changed) {
      done = std::move(changed);
    } else if (done) {
      *done += *changed;
    }
  }
  co_return done;
}

}  // namespace perkline::hub::jobs
