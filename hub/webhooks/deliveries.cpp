#include "hub/webhooks/deliveries.hpp"

#include <algorithm>
#include <limits>

#include "hub/db/bulk_statement.hpp"
#include "hub/db/due.hpp"
#include "hub/events/purge.hpp"
#include "shared/core/stamp.hpp"
#include "shared/json/value.hpp"

namespace perkline::hub::webhooks {
namespace {

constexpr seconds first_pause{5};
constexpr hours pause_max{1};
constexpr std::int64_t pause_factor = 3;
static_assert(pause_max + pause_max / 5 <= delivery_pause_max);

const std::string columns =
    "id, event_id, event_type, state, attempts, next_attempt_at, last_attempt_at, last_status, last_error,"
    " created_at, finished_at";

std::optional<WallTime> time_in(const db::Row& row, std::size_t column) {
  const auto millis = row.optional_integer(column);
  if (!millis) return std::nullopt;
  return WallTime{Millis{*millis}};
}

Delivery delivery_in(const db::Row& row) {
  return {.id = row.integer(0),
          .event_id = row.text(1),
          .event_type = row.text(2),
          .state = row.text(3),
          .attempts = row.integer(4),
          .next_attempt_at = time_in(row, 5),
          .last_attempt_at = time_in(row, 6),
          .last_status = row.optional_integer(7),
          .last_error = row.optional_text(8),
          .created_at = WallTime{Millis{row.integer(9)}},
          .finished_at = time_in(row, 10)};
}

/// So many due deliveries are looked at for lanes: at first, and where they are of too few.
constexpr std::int64_t looked_at = 64;
constexpr std::int64_t looked_at_max = 100'000;

struct EventLane {
  std::string event;
  std::int64_t lane = 0;
};

Result<void> enqueue(db::Transaction& transaction, std::span<const EventLane> events, WallTime now) {
  static const db::BulkStatement insert(
      "WITH told (id, lane) AS (VALUES ", "(CAST(? AS TEXT), CAST(? AS BIGINT))",
      ") INSERT INTO webhook_delivery (webhook_id, position, event_id, event_type, lane, state,"
      " next_attempt_at, created_at) SELECT w.id, e.position, e.id, e.type, told.lane, 'pending', $1, $1"
      " FROM told JOIN event_outbox e ON e.id = told.id JOIN webhook w ON w.deleted_at IS NULL"
      " AND e.position > w.from_position AND (w.types = '' OR w.types LIKE '%,' || e.type || ',%')"
      " WHERE e.position > 0 ORDER BY e.position, w.id ON CONFLICT (webhook_id, position) DO NOTHING",
      1);
  std::vector<db::Value> values;
  for (const EventLane& event : events) db::append_row(values, event.event, event.lane);
  auto made = insert.run(transaction, std::move(values), {stamp(now)});
  if (!made) return failure(made);
  return {};
}

/// Lanes that have something due among the first `depth` deliveries, the one with the oldest first. `whole`:
/// whether there are no more deliveries than that.
Result<std::vector<std::int64_t>> due_lanes(db::Transaction& transaction, const std::string& webhook,
                                            WallTime now, std::int64_t depth, bool& whole) {
  static const std::string sql =
      "SELECT lane, MIN(position), COUNT(*) FROM (SELECT lane, position FROM webhook_delivery"
      " WHERE webhook_id = $1 AND state = 'pending' AND " +
      db::is_due("next_attempt_at", "$2", "$3") +
      " ORDER BY position LIMIT $4) AS first GROUP BY lane ORDER BY MIN(position)";
  auto rows = transaction.query(sql, {webhook, stamp(now), db::beyond(now, delivery_pause_max), depth});
  if (!rows) return failure(rows);
  std::vector<std::int64_t> lanes;
  std::int64_t deliveries = 0;
  for (const db::Row& row : *rows) {
    lanes.push_back(row.integer(0));
    deliveries += row.integer(2);
  }
  whole = deliveries < depth;
  return lanes;
}

Result<std::int64_t> purge_deliveries(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE finished_at < $1"
      " OR webhook_id IN (SELECT id FROM webhook WHERE deleted_at IS NOT NULL) ORDER BY id LIMIT $2)",
      {stamp(before), limit});
}

Result<std::int64_t> purge_webhooks(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM webhook WHERE id IN (SELECT id FROM webhook WHERE deleted_at < $1"
      " AND NOT EXISTS (SELECT 1 FROM webhook_delivery WHERE webhook_id = webhook.id) ORDER BY id LIMIT $2)",
      {stamp(before), limit});
}

}  // namespace

events::Consumer consumer(const Clock& clock) {
  return {.name = "webhooks", .take = [&clock](std::span<const events::DomainEvent> events) {
            std::vector<EventLane> lanes;
            lanes.reserve(events.size());
            for (const events::DomainEvent& event : events)
              lanes.push_back({.event = event.id.str(), .lane = lane_of(event)});
            return [lanes = std::move(lanes), now = clock.wall_now()](db::Transaction& transaction) {
              return enqueue(transaction, lanes, now);
            };
          }};
}

std::int64_t lane_of(const events::DomainEvent& event) {
  const auto data = json::parse(event.data);
  if (!data) return 0;
  for (const char* whose : {"userId", "customerId", "storeId"}) {
    const json::Value* id = data->root().find(whose);
    if (id == nullptr || !id->is(json::Value::Kind::string)) continue;
    // FNV-1a: the same in every process.
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    for (const char c : id->text()) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    return static_cast<std::int64_t>((hash >> 32) % std::uint64_t{lanes_max});
  }
  return 0;
}

Result<std::vector<std::vector<DueDelivery>>> due_deliveries(db::Transaction& transaction,
                                                             const std::string& webhook, WallTime now,
                                                             std::int64_t lanes, std::int64_t of_each) {
  bool whole = false;
  auto found = due_lanes(transaction, webhook, now, looked_at, whole);
  // Somebody's many events stand before everybody else's.
  if (found && !whole && std::ssize(*found) < lanes)
    found = due_lanes(transaction, webhook, now, looked_at_max, whole);
  if (!found) return std::unexpected(found.error());
  if (std::ssize(*found) > lanes) found->resize(static_cast<std::size_t>(lanes));
  static const std::string sql =
      "SELECT id, attempts, position FROM webhook_delivery WHERE webhook_id = $1 AND lane = $4"
      " AND state = 'pending' AND " +
      db::is_due("next_attempt_at", "$2", "$3") + " ORDER BY position LIMIT $5";
  std::vector<std::vector<DueDelivery>> due;
  for (const std::int64_t lane : *found) {
    auto rows =
        transaction.query(sql, {webhook, stamp(now), db::beyond(now, delivery_pause_max), lane, of_each});
    if (!rows) return failure(rows);
    due.emplace_back();
    for (const db::Row& row : *rows) {
      auto event = events::event_at(transaction, row.integer(2));
      if (!event) return failure(event);
      due.back().push_back({.id = row.integer(0), .attempts = row.integer(1), .event = std::move(*event)});
    }
  }
  return due;
}

Result<std::vector<Delivery>> list_deliveries(db::Transaction& transaction, const Uuid& webhook,
                                              const DeliveryFilter& filter) {
  std::string sql = "SELECT " + columns + " FROM webhook_delivery WHERE webhook_id = $1 AND id < $2";
  std::vector<db::Value> parameters{
      webhook.str(), filter.before.value_or(std::numeric_limits<std::int64_t>::max()), filter.limit};
  if (!filter.state.empty()) {
    sql += " AND state = $4";
    parameters.emplace_back(filter.state);
  }
  auto rows = transaction.query(sql + " ORDER BY id DESC LIMIT $3", std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<Delivery> deliveries;
  for (const db::Row& row : *rows) deliveries.push_back(delivery_in(row));
  return deliveries;
}

Result<Delivery> retry_delivery(db::Transaction& transaction, const Uuid& webhook, std::int64_t id,
                                WallTime now) {
  auto rows = transaction.query(
      "UPDATE webhook_delivery SET state = 'pending', attempts = 0, next_attempt_at = $3, finished_at = NULL"
      " WHERE id = $2 AND webhook_id = $1 RETURNING " +
          columns,
      {webhook.str(), id, stamp(now)});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such delivery");
  return delivery_in(rows->front());
}

Millis pause_after(std::int64_t attempts, Rng& rng) {
  Millis pause = first_pause;
  for (std::int64_t i = 1; i < attempts && pause < pause_max; ++i) pause *= pause_factor;
  pause = std::min<Millis>(pause, pause_max);
  const auto fifth = static_cast<std::uint64_t>(pause.count() / 5);
  return pause - Millis{static_cast<std::int64_t>(fifth)} +
         Millis{static_cast<std::int64_t>(rng.below(2 * fifth + 1))};
}

Result<void> note_attempt(db::Transaction& transaction, std::int64_t id, std::int64_t attempts,
                          const Attempt& attempt) {
  const bool again = attempt.error && attempts + 1 < delivery_attempts_max;
  std::string_view state = "pending";
  if (!again) state = attempt.error ? "failed" : "delivered";
  const auto only_if = [](bool is, WallTime time) {
    return is ? db::Value(stamp(time)) : db::Value(nullptr);
  };
  auto noted = transaction.execute(
      "UPDATE webhook_delivery SET state = $3, attempts = $2 + 1, next_attempt_at = $4, finished_at = $5,"
      " last_attempt_at = $6, last_status = $7, last_error = $8"
      " WHERE id = $1 AND state = 'pending' AND attempts = $2",
      {id, attempts, std::string(state), only_if(again, attempt.at + attempt.pause),
       only_if(!again, attempt.at), stamp(attempt.at),
       attempt.status ? db::Value(std::int64_t{*attempt.status}) : db::Value(nullptr),
       attempt.error ? db::Value(*attempt.error) : db::Value(nullptr)});
  if (!noted) return failure(noted);
  return {};
}

Result<DeliveryCounts> count_deliveries(db::Transaction& transaction) {
  const auto count = [&transaction](const std::string& state) -> Result<std::int64_t> {
    auto rows = transaction.query(
        "SELECT COUNT(*) FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id"
        " WHERE w.deleted_at IS NULL AND d.state = '" +
        state + "'");
    if (!rows) return failure(rows);
    return rows->front().integer(0);
  };
  const auto pending = count("pending");
  if (!pending) return std::unexpected(pending.error());
  const auto failed = count("failed");
  if (!failed) return std::unexpected(failed.error());
  return DeliveryCounts{.pending = *pending, .failed = *failed};
}

Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now) {
  const WallTime before = now - events::keep_events;
  auto deliveries = co_await events::purge_in_steps(database, before, &purge_deliveries);
  if (!deliveries) co_return deliveries;
  auto webhooks = co_await events::purge_in_steps(database, before, &purge_webhooks);
  if (!webhooks) co_return webhooks;
  co_return *deliveries + *webhooks;
}

}  // namespace perkline::hub::webhooks
