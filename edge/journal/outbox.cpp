#include "edge/journal/outbox.hpp"

#include <algorithm>

#include "edge/journal/outbox_state.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::journal {

Outbox::Outbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::open(Journal& journal, StoreId store) {
  const auto epoch = read_number(journal, epoch_key, 1);
  if (!epoch) return std::unexpected(epoch.error());
  const auto acked = read_number(journal, acked_key, 0);
  if (!acked) return std::unexpected(acked.error());
  const auto staged = read_number(journal, staged_key, 0);
  if (!staged) return std::unexpected(staged.error());
  auto bases = read_bases(journal, *epoch);
  if (!bases) return failure(bases);
  auto granted = read_granted(journal);
  if (!granted) return failure(granted);
  auto hub = journal.get(Family::meta, hub_key);
  if (!hub) return failure(hub);
  const auto held = journal.get(Family::meta, held_key);
  if (!held) return std::unexpected(held.error());
  const auto lost = journal.get(Family::meta, lost_key);
  if (!lost) return std::unexpected(lost.error());

  auto state = std::make_unique<State>(State{.journal = journal,
                                             .store = std::move(store),
                                             .assigned = {},
                                             .durable = {},
                                             .acked = *acked,
                                             .bases = std::move(*bases),
                                             .granted = std::move(*granted),
                                             .hub = hub->value_or(""),
                                             .held = held->has_value(),
                                             .held_noted = held->has_value(),
                                             .lost = lost->has_value(),
                                             .staged = *staged,
                                             .in_flight = {},
                                             .wake = {}});
  const EpochBase base = state->bases.back();
  state->durable = state->start_of(base);
  const auto last = journal.last(Family::outbox, state->last_bound());
  if (!last) return std::unexpected(last.error());
  if (*last) {
    const auto record = record_of((*last)->key, (*last)->value);
    if (!record) return std::unexpected(record.error());
    if (record->position > base.position) {
      if (auto sound = check_end(journal, state->store, base, *record); !sound) return failure(sound);
      state->durable.sequence = record->position - base.position;
      state->durable.hash = record->hash;
    }
  }
  if (state->acked > state->durable.sequence)
    return fail(Errc::corrupt, "more is acknowledged than was ever journalled");
  state->assigned = state->durable;
  return std::unique_ptr<Outbox>(new Outbox(std::move(state)));
}

Task<void> Outbox::commit(Batch batch, std::vector<NewEvent> events) {
  // Nothing is awaited between here and the journal's queue: the order of the calls is the order of the
  // sequences.
  Chain& chain = state_->assigned;
  if (!events.empty() && chain.sequence == 0)
    batch.put(Family::meta, std::string(epoch_key), key_of(chain.base.epoch));
  for (NewEvent& event : events) {
    std::string bytes = sync::encode(sync::Event{.store = state_->store,
                                                 .epoch = chain.base.epoch,
                                                 .sequence = chain.sequence + 1,
                                                 .id = event.id,
                                                 .time = event.time,
                                                 .traceparent = std::move(event.traceparent),
                                                 .payload = std::move(event.payload)});
    State::append(chain, bytes, batch);
    state_->in_flight.push_back({.position = chain.position(), .event = std::move(bytes)});
  }
  const Chain reached = chain;
  co_await state_->journal.commit(std::move(batch));
  if (events.empty()) co_return;
  state_->reached(reached);
  if (state_->wake) state_->wake();
}

/// `chain` is durable.
void Outbox::State::reached(const Chain& chain) {
  while (!in_flight.empty() && in_flight.front().position <= chain.position()) in_flight.pop_front();
  // What was under way when a new epoch was adopted came with it.
  if (!durable.is_before(chain)) return;
  if (durable.base.epoch != chain.base.epoch) acked = 0;
  durable = chain;
}

std::uint64_t Outbox::epoch() const {
  return state_->durable.base.epoch;
}
std::uint64_t Outbox::tail() const {
  return state_->durable.sequence;
}
Digest Outbox::tail_hash() const {
  return state_->durable.hash;
}
std::uint64_t Outbox::acked() const {
  return state_->acked;
}
std::uint64_t Outbox::acked_position() const {
  return state_->durable.base.position + state_->acked;
}
bool Outbox::is_held() const {
  return state_->held;
}
bool Outbox::has_lost() const {
  return state_->lost;
}
void Outbox::on_growth(std::function<void()> wake) {
  state_->wake = std::move(wake);
}

Result<std::optional<Digest>> Outbox::hash_at(std::uint64_t sequence) const {
  if (sequence == 0) return state_->start_of(state_->durable.base).hash;
  if (sequence > state_->durable.sequence) return std::nullopt;
  return state_->digest_at(state_->durable.base.position + sequence);
}

Result<std::optional<Digest>> Outbox::State::digest_at(std::uint64_t position) const {
  const std::string key = key_of(position);
  const auto stored = journal.get(Family::outbox, key);
  if (!stored) return std::unexpected(stored.error());
  if (*stored) {
    const auto record = record_of(key, **stored);
    if (!record) return std::unexpected(record.error());
    return record->hash;
  }
  const auto pruned = journal.get(Family::meta, pruned_key);
  if (!pruned) return std::unexpected(pruned.error());
  if (!*pruned || !(*pruned)->starts_with(key)) return std::nullopt;
  if ((*pruned)->size() != key.size() + Digest{}.size()) return fail(Errc::corrupt, "meta pruned");
  return digest_of(std::string_view(**pruned).substr(key.size()));
}

/// Durable records of all epochs, from that position on; at most so many and so many bytes of events, but
/// the first one always.
Result<std::vector<Placed>> Outbox::State::read(std::uint64_t from, std::size_t events_max,
                                                std::size_t bytes_max) const {
  std::vector<Placed> records;
  std::size_t bytes = 0;
  Result<void> sound;
  const auto scanned =
      journal.scan(Family::outbox, key_of(from), [&](std::string_view key, std::string_view value) {
        if (records.size() == events_max) return false;
        auto record = record_of(key, value);
        if (!record) return sound = failure(record), false;
        if (record->position > durable.position()) return false;  // its commit has not returned yet
        // Epochs before this one end where they ended.
        if (!records.empty() && record->position != records.back().position + 1 &&
            records.back().position > durable.base.position) {
          return sound = fail(Errc::corrupt, "the outbox has a gap"), false;
        }
        bytes += record->event.size();
        if (!records.empty() && bytes > bytes_max) return false;
        records.push_back(std::move(*record));
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  if (!sound) return std::unexpected(sound.error());
  return records;
}

Result<std::vector<Outbox::Record>> Outbox::read(std::uint64_t from, std::size_t events_max,
                                                 std::size_t bytes_max) const {
  const std::uint64_t base = state_->durable.base.position;
  auto placed = state_->read(base + std::max<std::uint64_t>(from, 1), events_max, bytes_max);
  if (!placed) return failure(placed);
  std::vector<Record> records;
  records.reserve(placed->size());
  for (Placed& each : *placed)
    records.push_back({.sequence = each.position - base, .hash = each.hash, .event = std::move(each.event)});
  return records;
}

Task<void> Outbox::set_acked(std::uint64_t sequence) {
  PERKLINE_ASSERT(sequence <= state_->durable.sequence);
  // Of an epoch that is being left nothing is to be noted any more.
  if (sequence <= state_->acked || state_->assigned.base.epoch != state_->durable.base.epoch) co_return;
  state_->acked = sequence;
  Batch batch;
  batch.put(Family::meta, std::string(acked_key), key_of(sequence));
  co_await state_->journal.commit(std::move(batch));
}

Task<void> Outbox::lower_acked(std::uint64_t sequence) {
  if (sequence >= state_->acked || state_->assigned.base.epoch != state_->durable.base.epoch) co_return;
  state_->acked = sequence;
  Batch batch;
  batch.put(Family::meta, std::string(acked_key), key_of(sequence));
  co_await state_->journal.commit(std::move(batch));
}

void Outbox::hold_now() {
  state_->held = true;
}

Task<void> Outbox::hold(bool held) {
  state_->held = held;
  if (held != state_->held_noted) co_await set_flag(state_->held_noted, held_key, held);
}
Task<void> Outbox::note_lost() {
  if (!state_->lost) co_await set_flag(state_->lost, lost_key, true);
}
Task<void> Outbox::forget_lost() {
  if (state_->lost) co_await set_flag(state_->lost, lost_key, false);
}

Task<void> Outbox::set_flag(bool& flag, std::string_view key, bool value) {
  flag = value;
  Batch batch;
  if (value) {
    batch.put(Family::meta, std::string(key), "1");
  } else {
    batch.erase(Family::meta, std::string(key));
  }
  co_await state_->journal.commit(std::move(batch));
}

Task<Result<std::uint64_t>> Outbox::prune(std::uint64_t through_position, std::uint64_t count_max) {
  std::uint64_t pruned = 0;
  // The hub may stop going on with this history between two slices.
  while (!state_->held) {
    // From the beginning it would come by all that earlier runs have erased.
    std::uint64_t from = state_->first_kept;
    const auto records = state_->read(from, outbox_slice, limits::sync_batch_bytes_max);
    if (!records) co_return std::unexpected(records.error());
    const auto last = state_->journal.last(Family::outbox, state_->last_bound());
    if (!last) co_return std::unexpected(last.error());
    Batch batch;
    const std::uint64_t through = std::min(through_position, acked_position());
    for (const Placed& record : *records) {
      if (record.position > through || key_of(record.position) == (*last)->key) break;
      batch.erase(Family::outbox, key_of(record.position));
      batch.put(Family::meta, std::string(pruned_key),
                key_of(record.position) + std::string(as_chars(record.hash)));
      from = record.position + 1;
      ++pruned;
    }
    if (batch.empty()) co_return pruned;
    co_await state_->journal.commit(std::move(batch));
    state_->first_kept = from;
    if (pruned >= count_max) co_return pruned;
  }
  co_return pruned;
}

}  // namespace perkline::edge::journal
