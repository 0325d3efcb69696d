#include "hub/points/expiry.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "hub/events/event_log.hpp"
#include "hub/ledger/lots.hpp"
#include "hub/points/balance.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::points {
namespace {

struct Lapsing {
  std::int64_t points = 0;
  WallTime first;  ///< When the first of the day does.
};

events::DomainEvent event_of(const Cause& cause, std::uint64_t number, const std::string& user,
                             const Lapsing& lapsing) {
  json::Writer data;
  data.begin_object().field("userId", user).field("points", lapsing.points);
  data.field("expiresAt", format_time(lapsing.first)).end_object();
  return {.id = derived_id(cause.id, number),
          .type = "POINTS_EXPIRING",
          .occurred_at = cause.at,
          .traceparent = cause.traceparent,
          .data = data.take()};
}

}  // namespace

Result<std::int64_t> announce_expiry(db::Transaction& transaction, const Cause& cause, std::int64_t count) {
  const auto announced = ledger::announce_lots(transaction, cause.at, cause.at + lapsing_soon, count);
  if (!announced) return std::unexpected(announced.error());
  std::map<std::pair<std::string, std::chrono::sys_days>, Lapsing> by_user_and_day;
  for (const ledger::AnnouncedLot& lot : *announced) {
    if (lot.remaining == 0) continue;
    Lapsing& day = by_user_and_day[{lot.owner_id, std::chrono::floor<days>(lot.expires_at)}];
    day.first = day.points == 0 ? lot.expires_at : std::min(day.first, lot.expires_at);
    day.points += lot.remaining;
  }
  std::vector<events::DomainEvent> told;
  for (const auto& [key, lapsing] : by_user_and_day)
    told.push_back(event_of(cause, told.size(), key.first, lapsing));
  if (auto appended = events::append(transaction, told); !appended) return failure(appended);
  return static_cast<std::int64_t>(announced->size());
}

}  // namespace perkline::hub::points
