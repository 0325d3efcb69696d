#include "hub/events/outbox.hpp"

#include "hub/db/bulk_statement.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::events {
namespace {

const std::string columns = "position, id, type, version, occurred_at, traceparent, data";

Result<PositionedEvent> event_in(const db::Row& row) {
  const auto id = parse_uuid(row.text(1));
  if (!id) return fail(Errc::corrupt, "an event's id is none");
  return PositionedEvent{.position = row.integer(0),
                         .event = {.id = *id,
                                   .type = row.text(2),
                                   .version = row.integer(3),
                                   .occurred_at = WallTime{Millis{row.integer(4)}},
                                   .traceparent = row.text(5),
                                   .data = row.text(6)}};
}

}  // namespace

Result<bool> has_unnumbered(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT seq FROM event_outbox WHERE position IS NULL ORDER BY seq LIMIT 1");
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<std::int64_t> number_events(db::Transaction& transaction, std::int64_t limit, WallTime now) {
  // By their keys, a few at a time: a statement that finds them by what they lack is a scan where the
  // engine's statistics are from before they came.
  static const db::BulkStatement give(
      "WITH fresh (of_seq, place) AS (VALUES ", "(?, ?)",
      ") UPDATE event_outbox SET position = fresh.place, numbered_at = $1 FROM fresh"
      " WHERE event_outbox.seq = fresh.of_seq RETURNING seq",
      1);
  auto head = transaction.query("SELECT position FROM event_numbering WHERE id = 1" +
                                std::string(transaction.for_update()));
  if (!head) return failure(head);
  if (head->empty()) return fail(Errc::corrupt, "the outbox's last position is missing");
  auto fresh =
      transaction.query("SELECT seq FROM event_outbox WHERE position IS NULL ORDER BY seq LIMIT $1", {limit});
  if (!fresh) return failure(fresh);
  if (fresh->empty()) return 0;
  std::int64_t position = head->front().integer(0);
  std::vector<db::Value> places;
  for (const db::Row& row : *fresh) db::append_row(places, row.integer(0), ++position);
  auto given = give.run(transaction, std::move(places), {now.time_since_epoch().count()});
  if (!given) return failure(given);
  if (given->size() != fresh->size()) return fail(Errc::internal, "events went while they were numbered");
  auto moved = transaction.execute("UPDATE event_numbering SET position = $1 WHERE id = 1", {position});
  if (!moved) return failure(moved);
  return static_cast<std::int64_t>(fresh->size());
}

Result<std::int64_t> last_position(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT position FROM event_numbering WHERE id = 1");
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::corrupt, "the outbox's last position is missing");
  return rows->front().integer(0);
}

Result<std::vector<PositionedEvent>> events_after(db::Transaction& transaction, std::int64_t after,
                                                  std::int64_t limit) {
  auto rows = transaction.query(
      "SELECT " + columns + " FROM event_outbox WHERE position > $1 ORDER BY position LIMIT $2",
      {after, limit});
  if (!rows) return failure(rows);
  std::vector<PositionedEvent> events;
  events.reserve(rows->size());
  for (const db::Row& row : *rows) {
    auto event = event_in(row);
    if (!event) return failure(event);
    events.push_back(std::move(*event));
  }
  return events;
}

Result<std::optional<PositionedEvent>> event_at(db::Transaction& transaction, std::int64_t position) {
  auto rows = transaction.query("SELECT " + columns + " FROM event_outbox WHERE position = $1", {position});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto event = event_in(rows->front());
  if (!event) return failure(event);
  return std::move(*event);
}

std::string envelope_of(const DomainEvent& event) {
  json::Writer out;
  out.begin_object().field("id", event.id.str()).field("type", event.type).field("version", event.version);
  out.field("occurredAt", format_time(event.occurred_at)).field("traceparent", event.traceparent);
  out.key("data").raw(event.data).end_object();
  return out.take();
}

Result<std::int64_t> purge_events(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM event_outbox WHERE position IN (SELECT position FROM event_outbox AS old"
      " WHERE old.numbered_at < $1"
      " AND old.position <= (SELECT COALESCE(MIN(position), 0) FROM event_consumer)"
      " AND NOT EXISTS (SELECT 1 FROM event_dead_letter AS letter WHERE letter.position = old.position"
      " AND letter.state IN ('retrying', 'open'))"
      " AND NOT EXISTS (SELECT 1 FROM webhook_delivery AS delivery WHERE delivery.position = old.position)"
      " ORDER BY old.position LIMIT $2)",
      {before.time_since_epoch().count(), limit});
}

}  // namespace perkline::hub::events
