#include "hub/points/expiry.hpp"

#include <vector>

#include "hub/events/event_log.hpp"
#include "hub/ledger/lots.hpp"
#include "hub/points/balance.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::points {
namespace {

events::DomainEvent event_of(const Cause& cause, std::uint64_t number, const ledger::AnnouncedDay& day) {
  json::Writer data;
  data.begin_object().field("userId", day.owner_id).field("points", day.remaining);
  data.field("expiresAt", format_time(day.first)).end_object();
  return {.id = derived_id(cause.id, number),
          .type = "POINTS_EXPIRING",
          .occurred_at = cause.at,
          .traceparent = cause.traceparent,
          .data = data.take()};
}

}  // namespace

Result<ExpiryStep> announce_expiry(db::Transaction& transaction, const Cause& cause, std::int64_t count) {
  const auto announced = ledger::announce_lots(transaction, cause.at, cause.at + lapsing_soon, count);
  if (!announced) return std::unexpected(announced.error());
  ExpiryStep step{.lots = 0, .any_left = announced->any_left};
  std::vector<events::DomainEvent> told;
  for (const ledger::AnnouncedDay& day : announced->days) {
    told.push_back(event_of(cause, told.size(), day));
    step.lots += day.lots;
  }
  if (auto appended = events::append(transaction, told); !appended) return failure(appended);
  return step;
}

}  // namespace perkline::hub::points
