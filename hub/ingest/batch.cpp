#include "hub/ingest/batch.hpp"

#include "hub/ingest/dead_letters.hpp"
#include "hub/stores/progress.hpp"

namespace perkline::hub::ingest {
namespace {

constexpr std::string_view unreadable = "Unreadable";

/// An event that is to be buried.
struct Fault {
  std::size_t place;
  std::string reason;
};

/// What a batch's new events come to before the database is asked. Pure.
struct Sorted {
  std::vector<ToldEvent> events;
  std::vector<Fault> dead;
};

/// A frame is on its way for a while, which makes no clock wrong.
constexpr minutes on_its_way_max{1};

/// What the hub's clock is ahead of the store's, by which its events are stamped.
Millis clock_off(const ReceivedBatch& received) {
  if (!received.batch.sent_at) return {};
  const Millis off = received.now - *received.batch.sent_at;
  return std::chrono::abs(off) > on_its_way_max ? off : Millis{};
}

Place place_of(const ReceivedBatch& received, std::size_t place) {
  return {received.store, received.batch.epoch, received.batch.first_sequence + place};
}

Sorted sort(const ReceivedBatch& received, std::size_t skip) {
  Sorted sorted;
  for (std::size_t place = skip; place < received.events.size(); ++place) {
    const Result<sync::Event>& event = received.events[place];
    if (auto reason = unfit(event, place_of(received, place))) {
      sorted.dead.push_back({place, std::move(*reason)});
    } else {
      sorted.events.push_back(
          {.event = &*event, .ids = &received.ids[place], .bytes = received.batch.events[place]});
    }
  }
  return sorted;
}

/// Applies each event by itself; those that cannot be go to the dead letters.
Result<void> apply_one_by_one(db::Transaction& transaction, const ReceivedBatch& received, Sorted& sorted) {
  const Millis off = clock_off(received);
  for (const ToldEvent& told : sorted.events) {
    auto done = transaction.attempt(
        [&] { return apply(transaction, std::span(&told, 1), received.now, *received.terms, off); });
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

}  // namespace

Result<BatchOutcome> take_in_batch(db::Transaction& transaction, const ReceivedBatch& received) {
  const auto store = stores::hold(transaction, received.store, received.now);
  if (!store) return std::unexpected(store.error());
  BatchOutcome outcome{
      .verdict = sync::judge_batch(store->cursor, received.batch), .types = {}, .lag = store->lag()};
  if (auto* fork = std::get_if<sync::Fork>(&outcome.verdict)) {
    // A store whose epoch is over is told what is applied of it.
    if (fork->reason == sync::ForkReason::superseded) fork->applied = store->applied;
    auto noted = stores::note_fork(transaction, received.store, sync::name_of(fork->reason), received.now);
    if (!noted) return failure(noted);
  }
  const auto* todo = std::get_if<sync::Apply>(&outcome.verdict);
  if (todo == nullptr || todo->skip == received.events.size()) return outcome;

  Sorted sorted = sort(received, todo->skip);
  const Millis off = clock_off(received);
  auto applied = transaction.attempt(
      [&] { return apply(transaction, sorted.events, received.now, *received.terms, off); });
  if (!applied && is_fault_of_event(applied.error())) {
    applied = hold_known_cards(transaction, sorted.events);
    if (applied) applied = apply_one_by_one(transaction, received, sorted);
  }
  if (!applied) return failure(applied);
  for (std::size_t place = todo->skip; place < received.events.size(); ++place) {
    outcome.types.push_back(type_at(received, place));
  }
  for (const Fault& fault : sorted.dead) {
    auto buried = bury(transaction,
                       {.place = place_of(received, fault.place),
                        .type = type_at(received, fault.place),
                        .reason = fault.reason,
                        .bytes = received.batch.events[fault.place],
                        .clock_off = off},
                       received.now);
    if (!buried) return failure(buried);
    outcome.types[fault.place - todo->skip] = dead_letter;
  }
  auto moved = stores::move_cursor(transaction, received.store, store->cursor, todo->after);
  if (!moved) return failure(moved);
  if (store->fork) {
    const auto cleared = stores::clear_fork(transaction, *store, received.now);
    if (!cleared) return std::unexpected(cleared.error());
    outcome.healed = *cleared;
  }
  stores::Store after = *store;
  after.cursor = todo->after;
  outcome.lag = after.lag();
  return outcome;
}

}  // namespace perkline::hub::ingest
