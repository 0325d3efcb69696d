#include "hub/ingest/dead_letters.hpp"

#include <limits>

#include "hub/ingest/erased.hpp"
#include "hub/stores/progress.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/reservations.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::ingest {
namespace {

constexpr std::int64_t page_rows = 100;

const std::string select_letters =
    "SELECT id, store_id, epoch, sequence, type, reason, event, state, received_at, decided_at FROM "
    "dead_letter";

Result<DeadLetter> letter_of(const db::Row& row) {
  auto bytes = from_hex(row.text(6));
  if (!bytes) return fail(Errc::corrupt, "dead letter " + row.text(0));
  return DeadLetter{
      .id = row.text(0),
      .place = {StoreId(row.text(1)), static_cast<std::uint64_t>(row.integer(2)),
                static_cast<std::uint64_t>(row.integer(3))},
      .type = row.text(4),
      .reason = row.text(5),
      .bytes = std::move(*bytes),
      .state = row.text(7),
      .received_at = WallTime{Millis{row.integer(8)}},
      .decided_at = row.optional_integer(9).transform([](std::int64_t at) { return WallTime{Millis{at}}; })};
}

Result<std::vector<DeadLetter>> letters_of(Result<db::Rows> rows) {
  if (!rows) return failure(rows);
  std::vector<DeadLetter> letters;
  for (const db::Row& row : *rows) {
    auto letter = letter_of(row);
    if (!letter) return failure(letter);
    letters.push_back(std::move(*letter));
  }
  return letters;
}

/// Errors: not_found.
Result<DeadLetter> find_by(db::Transaction& transaction, const std::string& id, std::string_view locking) {
  auto found = letters_of(transaction.query(select_letters + " WHERE id = $1" + std::string(locking), {id}));
  if (!found) return failure(found);
  if (found->empty()) return fail(Errc::not_found, "dead letter " + id);
  return std::move(found->front());
}

/// Held until the end of the transaction, and its store before it, as whoever applies that store's events has
/// it.
Result<DeadLetter> find_open(db::Transaction& transaction, const std::string& id) {
  const auto known = find_dead_letter(transaction, id);
  if (!known) return known;
  if (auto locked = stores::lock(transaction, known->place.store); !locked) return failure(locked);
  auto letter = find_by(transaction, id, transaction.for_update());
  if (letter && letter->state != "open")
    return fail(Errc::session_state, "dead letter " + id + " is " + letter->state);
  return letter;
}

Result<DeadLetter> decide(db::Transaction& transaction, DeadLetter letter, std::string state, WallTime now) {
  letter.state = std::move(state);
  letter.decided_at = now;
  auto decided = transaction.execute("UPDATE dead_letter SET state = $2, decided_at = $3 WHERE id = $1",
                                     {letter.id, letter.state, stamp(now)});
  if (!decided) return failure(decided);
  return letter;
}

/// Its type too: what this version knows is not for an upgrade any more.
Result<DeadLetter> stays_open(db::Transaction& transaction, DeadLetter letter, std::string_view type,
                              std::string reason) {
  letter.type = type;
  letter.reason = std::move(reason);
  auto noted = transaction.execute("UPDATE dead_letter SET type = $2, reason = $3 WHERE id = $1",
                                   {letter.id, letter.type, letter.reason});
  if (!noted) return failure(noted);
  return letter;
}

/// Open letters of an unknown type behind `after`, in their stores' order.
Result<std::vector<DeadLetter>> of_unknown_type(db::Transaction& transaction, const Place& after) {
  static const std::string sql = select_letters +
                                 " WHERE state = 'open' AND type = $1"
                                 " AND (store_id, epoch, sequence) > ($2, $3, $4)"
                                 " ORDER BY store_id, epoch, sequence LIMIT $5";
  return letters_of(transaction.query(
      sql, {std::string(sync::type_name(sync::UnknownEvent{})), after.store.str(),
            static_cast<std::int64_t>(after.epoch), static_cast<std::int64_t>(after.sequence), page_rows}));
}

/// Of the same event under its number in an earlier epoch.
Result<std::optional<DeadLetter>> find_earlier(db::Transaction& transaction, const BuriedEvent& buried) {
  const auto event = sync::decode_event(buried.bytes);
  if (buried.place.epoch <= 1 || !event) return std::nullopt;
  // The id's bytes lie in the event as they are; that it is the id they belong to, decoding tells.
  static const std::string sql =
      select_letters + " WHERE store_id = $1 AND epoch < $2 AND event LIKE $3 ORDER BY epoch, sequence";
  const std::string id(event->id.bytes.begin(), event->id.bytes.end());
  auto letters = letters_of(transaction.query(
      sql,
      {buried.place.store.str(), static_cast<std::int64_t>(buried.place.epoch), '%' + to_hex(id) + '%'}));
  if (!letters) return failure(letters);
  for (DeadLetter& letter : *letters) {
    const auto known = sync::decode_event(letter.bytes);
    if (known && known->id == event->id) return std::move(letter);
  }
  return std::nullopt;
}

/// nullopt: it is of another kind, or cannot be read.
std::optional<sync::SpinDrawn> draw_in(std::string_view bytes) {
  auto event = sync::decode_event(bytes);
  auto* drawn = event ? std::get_if<sync::SpinDrawn>(&event->payload) : nullptr;
  if (drawn == nullptr) return std::nullopt;
  return std::move(*drawn);
}

Result<void> end_refused(db::Transaction& transaction, const StoreId& store, const sync::SpinDrawn& drawn,
                         WallTime now) {
  return wheel::end_refused_spin(transaction, store, {.id = drawn.spin, .prize = drawn.prize}, now);
}

bool is_known_now(const DeadLetter& letter) {
  const auto event = sync::decode_event(letter.bytes);
  return event && !std::holds_alternative<sync::UnknownEvent>(event->payload);
}

}  // namespace

Result<void> bury(db::Transaction& transaction, const BuriedEvent& event, WallTime now) {
  auto earlier = find_earlier(transaction, event);
  if (!earlier) return failure(earlier);
  if (*earlier) {
    if ((*earlier)->state != "open") return {};
    auto stays = stays_open(transaction, std::move(**earlier), event.type, event.reason);
    if (!stays) return failure(stays);
    return {};
  }
  const auto epoch = static_cast<std::int64_t>(event.place.epoch);
  const auto sequence = static_cast<std::int64_t>(event.place.sequence);
  const std::string& store = event.place.store.str();
  const auto bytes = without_erased(transaction, event.bytes, event.clock_off);
  if (!bytes) return std::unexpected(bytes.error());
  auto buried = transaction.execute(
      "INSERT INTO dead_letter (id, store_id, epoch, sequence, type, reason, event, received_at, card)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET state = 'open',"
      " decided_at = NULL, type = excluded.type, reason = excluded.reason, event = excluded.event,"
      " received_at = excluded.received_at, card = excluded.card",
      {store + ':' + std::to_string(epoch) + ':' + std::to_string(sequence), store, epoch, sequence,
       event.type, event.reason, to_hex(*bytes), stamp(now), card_named_in(*bytes)});
  if (!buried) return failure(buried);
  const auto drawn = draw_in(event.bytes);
  if (!drawn) return {};
  return end_refused(transaction, event.place.store, *drawn, now);
}

Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id) {
  return find_by(transaction, id, "");
}

Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit) {
  static const std::string sql = select_letters +
                                 " WHERE state = 'open' AND (received_at, id) < ($1, $2)"
                                 " ORDER BY received_at DESC, id DESC LIMIT $3";
  return letters_of(
      transaction.query(sql, {after ? after->received_at : std::numeric_limits<std::int64_t>::max(),
                              after ? after->id : std::string(), limit}));
}

Result<OpenLetters> count_open_dead_letters(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT store_id, COUNT(*) FROM dead_letter WHERE state = 'open' GROUP BY store_id", {});
  if (!rows) return failure(rows);
  OpenLetters open;
  for (const db::Row& row : *rows) open.emplace(StoreId(row.text(0)), row.integer(1));
  return open;
}

Result<DeadLetter> retry_dead_letter(db::Transaction& transaction, const std::string& id,
                                     const EffectIds& ids, WallTime now, const wheel::Terms& terms) {
  auto letter = find_open(transaction, id);
  if (!letter) return letter;
  const auto event = sync::decode_event(letter->bytes);
  if (auto reason = unfit(event, letter->place)) {
    const std::string type = event ? std::string(sync::type_name(event->payload)) : letter->type;
    return stays_open(transaction, std::move(*letter), type, std::move(*reason));
  }
  const ToldEvent told{.event = &*event, .ids = &ids, .bytes = letter->bytes};
  if (auto held = hold_known_cards(transaction, std::span(&told, 1)); !held) return failure(held);
  auto applied = transaction.attempt([&] { return apply(transaction, std::span(&told, 1), now, terms); });
  if (applied) return decide(transaction, std::move(*letter), "applied", now);
  if (!is_fault_of_event(applied.error())) return failure(applied);
  return stays_open(transaction, std::move(*letter), sync::type_name(event->payload),
                    std::move(applied.error().detail));
}

Result<DeadLetter> discard_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now) {
  auto letter = find_open(transaction, id);
  if (!letter) return letter;
  if (const auto drawn = draw_in(letter->bytes)) {
    const StoreId& store = letter->place.store;
    if (auto ended = end_refused(transaction, store, *drawn, now); !ended) return failure(ended);
    if (!drawn->lease.empty()) {
      auto awarded = wheel::award_discarded(transaction, store, drawn->prize,
                                            {.lease = drawn->lease, .ordinal = std::int64_t{drawn->ordinal}});
      if (!awarded) return failure(awarded);
    }
  }
  return decide(transaction, std::move(*letter), "discarded", now);
}

Task<Result<std::int64_t>> retry_upgraded(db::Database& database, const Clock& clock, UuidMaker& uuids,
                                          wheel::Terms terms) {
  std::int64_t applied = 0;
  Place after{.store = {}, .epoch = 0, .sequence = 0};
  while (true) {
    auto page = co_await db::read_for<std::vector<DeadLetter>>(
        database, [&after](db::Transaction& transaction) { return of_unknown_type(transaction, after); });
    if (!page) co_return failure(page);
    for (const DeadLetter& letter : *page) {
      if (!is_known_now(letter)) continue;
      const EffectIds ids{uuids.next(), uuids.next()};
      auto retried = co_await db::write_for<DeadLetter>(
          database, [&letter, &ids, now = clock.wall_now(), &terms](db::Transaction& transaction) {
            return retry_dead_letter(transaction, letter.id, ids, now, terms);
          });
      // Another replica, or a person, was faster.
      if (!retried && retried.error().code == Errc::session_state) continue;
      if (!retried) co_return failure(retried);
      if (retried->state == "applied") ++applied;
    }
    if (page->size() < static_cast<std::size_t>(page_rows)) co_return applied;
    after = page->back().place;
  }
}

}  // namespace perkline::hub::ingest
