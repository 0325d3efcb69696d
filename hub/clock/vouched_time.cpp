#include "hub/clock/vouched_time.hpp"

#include "shared/ops/log.hpp"
#include "shared/ops/standing_faults.hpp"

namespace perkline::hub::clock {
namespace {

constexpr std::string_view context = "clock";
constexpr seconds look_every{5};
/// So that not every look writes; far less than what a clock may be off.
constexpr minutes vouch_every{1};

Result<std::optional<WallTime>> read_vouched(db::Transaction& transaction) {
  return vouched_time(transaction);
}

void tell_doubt(const ClockGuard& guard) {
  const auto now = guard.now_for_good();
  ops::log(ops::Level::error, context, "the clock is in doubt: nothing lapses and nothing is forgotten",
           {{"detail", now ? "" : now.error().detail}});
}

}  // namespace

Result<std::optional<WallTime>> vouched_time(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT vouched_at FROM hub_clock WHERE id = 1");
  if (!rows) return failure(rows);
  const std::int64_t at = rows->empty() ? 0 : rows->front().integer(0);
  if (at == 0) return std::nullopt;
  return WallTime{Millis{at}};
}

Result<void> vouch_for(db::Transaction& transaction, WallTime time) {
  auto put = transaction.execute("UPDATE hub_clock SET vouched_at = $1 WHERE id = 1",
                                 {time.time_since_epoch().count()});
  if (!put) return failure(put);
  return {};
}

Task<Result<void>> look(db::Database& database, ClockGuard& guard) {
  const auto vouched = co_await db::read_for<std::optional<WallTime>>(database, &read_vouched);
  if (!vouched) co_return std::unexpected(vouched.error());
  const auto now = guard.look(*vouched);
  if (!now || (*vouched && std::chrono::abs(*now - **vouched) < vouch_every)) co_return Result<void>{};
  co_return co_await database.write(
      [time = *now](db::Transaction& transaction) { return vouch_for(transaction, time); });
}

Task<void> watch(db::Database& database, net::AsyncClock& clock, ClockGuard& guard,
                 std::function<void(bool in_doubt)> told) {
  ops::StandingFaults doubt;
  while (true) {
    // A database that is away is told elsewhere.
    static_cast<void>(co_await look(database, guard));
    if (guard.in_doubt()) {
      if (doubt.is_news("", clock.mono_now())) tell_doubt(guard);
    } else if (doubt.over()) {
      ops::log(ops::Level::info, context, "the clock is in no doubt any more");
    }
    told(guard.in_doubt());
    co_await clock.sleep(look_every);
  }
}

}  // namespace perkline::hub::clock
