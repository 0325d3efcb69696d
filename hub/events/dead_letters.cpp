#include "hub/events/dead_letters.hpp"

#include <algorithm>
#include <limits>

#include "hub/db/due.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::events {
namespace {

constexpr std::string_view id_prefix = "event.";

const std::string select_letters =
    "SELECT id, consumer, position, type, state, attempts, reason, received_at, decided_at"
    " FROM event_dead_letter";

DeadLetter letter_in(const db::Row& row) {
  DeadLetter letter{.id = row.text(0),
                    .consumer = row.text(1),
                    .position = row.integer(2),
                    .type = row.text(3),
                    .state = row.text(4),
                    .attempts = row.integer(5),
                    .reason = row.text(6),
                    .received_at = WallTime{Millis{row.integer(7)}},
                    .decided_at = std::nullopt};
  if (const auto at = row.optional_integer(8)) letter.decided_at = WallTime{Millis{*at}};
  return letter;
}

std::string reason_of(const Error& why) {
  return why.detail.empty() ? std::string(name_of(why.code)) : why.detail;
}

/// Held until the end of the transaction.
Result<DeadLetter> hold(db::Transaction& transaction, const std::string& id) {
  auto rows =
      transaction.query(select_letters + " WHERE id = $1" + std::string(transaction.for_update()), {id});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such dead letter");
  return letter_in(rows->front());
}

Result<DeadLetter> decide(db::Transaction& transaction, DeadLetter letter, std::string state,
                          std::optional<WallTime> retry_at, std::optional<WallTime> decided_at) {
  const auto value_of = [](std::optional<WallTime> time) -> db::Value {
    if (!time) return nullptr;
    return stamp(*time);
  };
  letter.state = std::move(state);
  letter.decided_at = decided_at;
  auto decided = transaction.execute(
      "UPDATE event_dead_letter SET state = $2, retry_at = $3, decided_at = $4 WHERE id = $1",
      {letter.id, letter.state, value_of(retry_at), value_of(decided_at)});
  if (!decided) return failure(decided);
  return letter;
}

}  // namespace

Millis pause_after(std::int64_t attempts) {
  return Millis{first_pause} * (std::int64_t{1} << (std::min(attempts, attempts_max) - 1));
}

bool is_dead_letter_id(std::string_view id) {
  return id.starts_with(id_prefix);
}

Result<void> set_aside(db::Transaction& transaction, std::string_view consumer, const PositionedEvent& event,
                       const Error& why, WallTime now) {
  const std::string name(consumer);
  auto made = transaction.execute(
      "INSERT INTO event_dead_letter (id, consumer, position, type, state, attempts, reason, retry_at,"
      " received_at) VALUES ($1, $2, $3, $4, 'retrying', 1, $5, $6, $7)",
      {std::string(id_prefix) + name + '.' + std::to_string(event.position), name, event.position,
       event.event.type, reason_of(why), stamp(now + pause_after(1)), stamp(now)});
  if (!made) return failure(made);
  return {};
}

Result<std::vector<std::string>> consumers_with_due(db::Transaction& transaction, WallTime now) {
  static const std::string sql =
      "SELECT DISTINCT consumer FROM event_dead_letter WHERE state = 'retrying' AND " +
      db::is_due("retry_at", "$1", "$2");
  auto rows = transaction.query(sql, {stamp(now), db::beyond(now, pause_after(attempts_max))});
  if (!rows) return failure(rows);
  std::vector<std::string> consumers;
  for (const db::Row& row : *rows) consumers.push_back(row.text(0));
  return consumers;
}

Result<std::optional<Due>> next_due(db::Transaction& transaction, std::string_view consumer, WallTime now) {
  static const std::string sql =
      "SELECT id, attempts, position FROM event_dead_letter WHERE state = 'retrying' AND consumer = $1 AND " +
      db::is_due("retry_at", "$2", "$3") + " ORDER BY retry_at, position LIMIT 1";
  auto rows =
      transaction.query(sql, {std::string(consumer), stamp(now), db::beyond(now, pause_after(attempts_max))});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  auto event = event_at(transaction, row.integer(2));
  if (!event) return failure(event);
  return Due{.id = row.text(0), .attempts = row.integer(1), .event = std::move(*event)};
}

Result<bool> note_applied(db::Transaction& transaction, const Due& due, WallTime now) {
  auto noted = transaction.execute(
      "UPDATE event_dead_letter SET state = 'applied', retry_at = NULL, attempts = attempts + 1,"
      " decided_at = $3 WHERE id = $1 AND state = 'retrying' AND attempts = $2",
      {due.id, due.attempts, stamp(now)});
  if (!noted) return failure(noted);
  return *noted == 1;
}

Result<bool> note_failed(db::Transaction& transaction, const Due& due, const Error& why, WallTime now) {
  const std::int64_t attempts = due.attempts + 1;
  const bool buried = attempts >= attempts_max;
  const db::Value retry_at = buried ? db::Value(nullptr) : db::Value(stamp(now + pause_after(attempts)));
  auto noted = transaction.execute(
      "UPDATE event_dead_letter SET state = $3, retry_at = $4, attempts = attempts + 1, reason = $5"
      " WHERE id = $1 AND state = 'retrying' AND attempts = $2",
      {due.id, due.attempts, std::string(buried ? "open" : "retrying"), retry_at, reason_of(why)});
  if (!noted) return failure(noted);
  return buried && *noted == 1;
}

Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit) {
  auto rows = transaction.query(select_letters +
                                    " WHERE state = 'open' AND (received_at, id) < ($1, $2) ORDER BY "
                                    "received_at DESC, id DESC LIMIT $3",
                                {after ? after->received_at : std::numeric_limits<std::int64_t>::max(),
                                 after ? after->id : std::string(), limit});
  if (!rows) return failure(rows);
  std::vector<DeadLetter> letters;
  for (const db::Row& row : *rows) letters.push_back(letter_in(row));
  return letters;
}

Result<OpenLetters> count_open_dead_letters(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT consumer, COUNT(*) FROM event_dead_letter WHERE state = 'open' GROUP BY consumer");
  if (!rows) return failure(rows);
  OpenLetters open;
  for (const db::Row& row : *rows) open.emplace(row.text(0), row.integer(1));
  return open;
}

Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id) {
  auto rows = transaction.query(select_letters + " WHERE id = $1", {id});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such dead letter");
  DeadLetter letter = letter_in(rows->front());
  auto event = event_at(transaction, letter.position);
  if (!event) return failure(event);
  if (*event) letter.data = std::move((*event)->event.data);
  return letter;
}

Result<DeadLetter> retry_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now) {
  auto letter = hold(transaction, id);
  if (!letter) return letter;
  if (letter->state != "open") return fail(Errc::session_state, "dead letter " + id + " is " + letter->state);
  return decide(transaction, std::move(*letter), "retrying", now, std::nullopt);
}

Result<DeadLetter> discard_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now) {
  auto letter = hold(transaction, id);
  if (!letter) return letter;
  if (letter->state != "open" && letter->state != "retrying")
    return fail(Errc::session_state, "dead letter " + id + " is " + letter->state);
  return decide(transaction, std::move(*letter), "discarded", std::nullopt, now);
}

Result<std::int64_t> purge_dead_letters(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM event_dead_letter WHERE id IN (SELECT id FROM event_dead_letter"
      " WHERE decided_at < $1 ORDER BY id LIMIT $2)",
      {stamp(before), limit});
}

}  // namespace perkline::hub::events
