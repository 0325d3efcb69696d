#include "hub/ingest/batch.hpp"

#include "hub/stores/progress.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::ingest {
namespace {

constexpr std::string_view unreadable = "Unreadable";

/// An event that is to be buried.
struct DeadLetter {
  std::size_t place;
  std::string reason;
};

/// What a batch's new events come to before the database is asked. Pure.
struct Sorted {
  std::vector<ToldEvent> events;
  std::vector<DeadLetter> dead;
};

std::uint64_t sequence_at(const ReceivedBatch& received, std::size_t place) {
  return received.batch.first_sequence + place;
}

Sorted sort(const ReceivedBatch& received, std::size_t skip) {
  Sorted sorted;
  for (std::size_t place = skip; place < received.events.size(); ++place) {
    const Result<sync::Event>& event = received.events[place];
    if (!event) {
      sorted.dead.push_back({place, event.error().detail});
    } else if (event->store != received.store || event->epoch != received.batch.epoch ||
               event->sequence != sequence_at(received, place)) {
      sorted.dead.push_back({place, "the event claims another place in another history"});
    } else if (const auto* unknown = std::get_if<sync::UnknownEvent>(&event->payload)) {
      sorted.dead.push_back({place, "type " + std::to_string(unknown->type) + " is unknown to this version"});
    } else {
      sorted.events.push_back({.event = &*event, .ids = &received.ids[place]});
    }
  }
  return sorted;
}

/// Applies each event by itself; those that cannot be go to the dead letters.
Result<void> apply_one_by_one(db::Transaction& transaction, const ReceivedBatch& received, Sorted& sorted) {
  for (const ToldEvent& told : sorted.events) {
    auto done = transaction.attempt([&] { return apply(transaction, std::span(&told, 1), received.now); });
    if (done) continue;
    if (!is_fault_of_event(done.error())) return done;
    const auto place = static_cast<std::size_t>(told.event->sequence - received.batch.first_sequence);
    sorted.dead.push_back({place, done.error().detail});
  }
  return {};
}

std::string type_at(const ReceivedBatch& received, std::size_t place) {
  const Result<sync::Event>& event = received.events[place];
  return std::string(event ? sync::type_name(event->payload) : unreadable);
}

Result<void> bury(db::Transaction& transaction, const ReceivedBatch& received, const DeadLetter& letter) {
  const auto epoch = static_cast<std::int64_t>(received.batch.epoch);
  const auto sequence = static_cast<std::int64_t>(sequence_at(received, letter.place));
  auto buried = transaction.execute(
      "INSERT INTO dead_letter (id, store_id, epoch, sequence, type, reason, event, received_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {received.store.str() + '/' + std::to_string(epoch) + '/' + std::to_string(sequence),
       received.store.str(), epoch, sequence, type_at(received, letter.place), letter.reason,
       to_hex(received.batch.events[letter.place]), received.now.time_since_epoch().count()});
  if (!buried) return failure(buried);
  return {};
}

}  // namespace

Result<BatchOutcome> take_in_batch(db::Transaction& transaction, const ReceivedBatch& received) {
  const auto store = stores::hold(transaction, received.store, received.now);
  if (!store) return std::unexpected(store.error());
  BatchOutcome outcome{
      .verdict = sync::judge_batch(store->cursor, received.batch), .types = {}, .lag = store->lag()};
  const auto* todo = std::get_if<sync::Apply>(&outcome.verdict);
  if (todo == nullptr || todo->skip == received.events.size()) return outcome;

  Sorted sorted = sort(received, todo->skip);
  auto applied = transaction.attempt([&] { return apply(transaction, sorted.events, received.now); });
  if (!applied && is_fault_of_event(applied.error())) {
    applied = apply_one_by_one(transaction, received, sorted);
  }
  if (!applied) return failure(applied);
  for (std::size_t place = todo->skip; place < received.events.size(); ++place) {
    outcome.types.push_back(type_at(received, place));
  }
  for (const DeadLetter& letter : sorted.dead) {
    if (auto buried = bury(transaction, received, letter); !buried) return failure(buried);
    outcome.types[letter.place - todo->skip] = dead_letter;
  }
  auto moved = stores::move_cursor(transaction, received.store, store->cursor, todo->after);
  if (!moved) return failure(moved);
  stores::Store after = *store;
  after.cursor = todo->after;
  outcome.lag = after.lag();
  return outcome;
}

}  // namespace perkline::hub::ingest
