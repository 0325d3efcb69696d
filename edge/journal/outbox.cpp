#include "edge/journal/outbox.hpp"

#include <algorithm>
#include <deque>
#include <limits>

#include "edge/journal/epoch_bases.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::string_view epoch_key = "epoch";
constexpr std::string_view acked_key = "acked";
/// Events whose chain opening verifies: more than a crash can have touched, however many there are.
constexpr std::uint64_t checked_at_open = 512;
/// The base of an epoch whose adoption is under way, or was when the process ended.
constexpr std::string_view staged_key = "staged";
constexpr std::string_view granted_key = "granted";
/// The incarnation of the hub that has acknowledged what is acknowledged.
constexpr std::string_view hub_key = "hub";
/// Epochs begin at multiples of this, so that one can grow while the next is being written.
constexpr unsigned base_bits = 40;
/// Numbers on the wire are no larger.
constexpr std::uint64_t epoch_max = std::numeric_limits<std::int64_t>::max();
/// Events that pruning reads and removes before others get their turn.
constexpr std::size_t prune_slice = 256;

constexpr std::size_t number_bytes = sizeof(std::uint64_t);

std::string key_of(std::uint64_t position) {
  std::string key;
  append_u64(key, position);
  return key;
}

/// An event where it lies.
struct Placed {
  std::uint64_t position;
  Digest hash;
  std::string event;
};

Result<Placed> record_of(std::string_view key, std::string_view value) {
  Placed record{};
  if (key.size() != number_bytes || value.size() < record.hash.size())
    return fail(Errc::corrupt, "an outbox record is cut short");
  record.position = read_u64(key);
  std::copy_n(value.begin(), record.hash.size(), record.hash.begin());
  record.event = value.substr(record.hash.size());
  return record;
}

/// A number in family meta; `missing` when it was never written.
Result<std::uint64_t> read_number(const Journal& journal, std::string_view key, std::uint64_t missing) {
  const auto stored = journal.get(Family::meta, key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return missing;
  if ((*stored)->size() != sizeof(std::uint64_t)) return fail(Errc::corrupt, "meta " + std::string(key));
  return read_u64(**stored);
}

Digest digest_of(std::string_view bytes) {
  Digest digest{};
  std::copy_n(bytes.begin(), digest.size(), digest.begin());
  return digest;
}

std::string bytes_of(const Granted& granted) {
  std::string bytes = key_of(granted.epoch);
  if (!granted.applied) return bytes;
  return bytes + key_of(granted.applied->epoch) + key_of(granted.applied->through) +
         std::string(as_chars(granted.applied->hash));
}

Result<std::optional<Granted>> read_granted(const Journal& journal) {
  const auto stored = journal.get(Family::meta, granted_key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  const std::string_view bytes = **stored;
  const bool told = bytes.size() == 3 * number_bytes + Digest{}.size();
  if (!told && bytes.size() != number_bytes) return fail(Errc::corrupt, "meta granted");
  Granted granted{.epoch = read_u64(bytes)};
  if (told) {
    granted.applied = {.epoch = read_u64(bytes.substr(number_bytes)),
                       .through = read_u64(bytes.substr(2 * number_bytes)),
                       .hash = digest_of(bytes.substr(3 * number_bytes))};
  }
  return granted;
}

/// What does not decode is the hub's to put aside; here only the chain vouches for it. Errors: corrupt.
Result<void> check_owner(const StoreId& store, std::uint64_t epoch, const Placed& last) {
  const auto event = sync::decode_event(last.event);
  if (!event || (event->store == store && event->epoch == epoch)) return {};
  return fail(Errc::corrupt, "the outbox is that of store " + event->store.str() + ", epoch " +
                                 std::to_string(event->epoch) + ", not of store " + store.str() + ", epoch " +
                                 std::to_string(epoch));
}

/// The last records of the epoch that begins at `base`, up to position `last`, must continue one another
/// without a gap, and the first of them the one before it, or the chain's start. Errors: corrupt, io_failed.
Result<void> check_end(const Journal& journal, const StoreId& store, const EpochBase& base,
                       std::uint64_t last) {
  const bool from_start = last - base.position <= checked_at_open;
  std::optional<Placed> before;
  if (from_start)
    before = Placed{.position = base.position, .hash = sync::chain_start(store, base.epoch), .event = {}};
  std::uint64_t expected = from_start ? base.position + 1 : last - checked_at_open;
  Result<void> sound;
  const auto scanned =
      journal.scan(Family::outbox, key_of(expected), [&](std::string_view key, std::string_view value) {
        auto record = record_of(key, value);
        if (!record) return sound = failure(record), false;
        if (record->position > last) return false;
        // What is missing at the front was removed as acknowledged.
        const bool first = !before || before->position == base.position;
        if (record->position != expected && !first)
          return sound = fail(Errc::corrupt, "the outbox has a gap at " + std::to_string(expected)), false;
        const bool follows = before && before->position + 1 == record->position;
        if (follows && sync::chain_next(before->hash, record->event) != record->hash) {
          sound = fail(Errc::corrupt, "the outbox's chain is broken at " + std::to_string(record->position));
          return false;
        }
        expected = record->position + 1;
        before = std::move(*record);
        return true;
      });
  if (!scanned) return scanned;
  return sound;
}

/// A stretch of one epoch's chain, from its start.
struct Chain {
  EpochBase base;
  std::uint64_t sequence = 0;
  Digest hash{};

  std::uint64_t position() const { return base.position + sequence; }
  bool is_before(const Chain& other) const {
    return base.epoch != other.base.epoch ? base.epoch < other.base.epoch : sequence < other.sequence;
  }
};

}  // namespace

struct Outbox::State {
  Journal& journal;
  StoreId store;
  /// What the next event stands on: runs ahead of what is durable by the commits under way.
  Chain assigned;
  Chain durable;
  std::uint64_t acked = 0;       ///< Of the durable chain.
  std::vector<EpochBase> bases;  ///< The last is the assigned chain's.
  std::optional<Granted> granted;
  std::string hub;  ///< Its incarnation; empty: none was ever heard.
  std::uint64_t staged =
      0;  ///< Behind this position lies what is no part of the history yet; 0: nothing does.
  /// Assigned and not yet known to be durable, by rising position.
  struct InFlight {
    std::uint64_t position;
    std::string event;
  };
  std::deque<InFlight> in_flight;
  bool adopting = false;
  std::uint64_t first_kept = 0;  ///< A position, as far as is known: nothing is kept before it.
  std::function<void()> wake;

  Chain start_of(const EpochBase& base) const {
    return {.base = base, .sequence = 0, .hash = sync::chain_start(store, base.epoch)};
  }
  /// The event continues `chain`.
  static void append(Chain& chain, const std::string& event, Batch& batch) {
    ++chain.sequence;
    chain.hash = sync::chain_next(chain.hash, event);
    batch.put(Family::outbox, key_of(chain.position()), std::string(as_chars(chain.hash)) + event);
  }
  void renumber(Chain& chain, std::string event, Batch& batch) const {
    // What does not decode is the hub's to put aside, in the new epoch as in the old.
    if (auto moved = sync::renumbered(event, chain.base.epoch, chain.sequence + 1)) event = std::move(*moved);
    append(chain, event, batch);
  }
  void reached(const Chain& chain);
  Result<std::optional<Digest>> digest_at(std::uint64_t position) const;
  Result<std::vector<Placed>> read(std::uint64_t from, std::size_t events_max, std::size_t bytes_max) const;
  std::string last_bound() const { return staged == 0 ? std::string() : key_of(staged + 1); }

  /// From where on the hub is not known to have the history.
  struct Unknown {
    std::uint64_t position = 0;
    bool history_lost = false;
  };
  Result<Unknown> unknown_to_hub(std::uint64_t epoch) const;
  Result<std::optional<std::uint64_t>> after_applied(const sync::Applied& applied) const;
  Result<bool> is_pruned_from(const sync::Applied& applied) const;
  Result<void> may_adopt(std::uint64_t epoch) const;
  Task<Result<void>> clear_staged();
  Task<Result<std::uint64_t>> stage(Chain& next, std::uint64_t from);
  Result<bool> stage_slice(Chain& next, std::uint64_t& from, Batch& batch) const;
  Task<Result<void>> erase(std::uint64_t from, std::uint64_t through, Batch also);
};

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

  auto state = std::make_unique<State>(State{.journal = journal,
                                             .store = std::move(store),
                                             .assigned = {},
                                             .durable = {},
                                             .acked = *acked,
                                             .bases = std::move(*bases),
                                             .granted = std::move(*granted),
                                             .hub = hub->value_or(""),
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
      if (auto owner = check_owner(state->store, base.epoch, *record); !owner) return failure(owner);
      if (auto sound = check_end(journal, state->store, base, record->position); !sound)
        return failure(sound);
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

Task<Result<std::uint64_t>> Outbox::prune(WallTime now, days keep, std::uint64_t count_max) {
  std::uint64_t pruned = 0;
  while (true) {
    // From the beginning it would come by all that earlier runs have erased.
    std::uint64_t from = state_->first_kept;
    const auto records = state_->read(from, prune_slice, limits::sync_batch_bytes_max);
    if (!records) co_return std::unexpected(records.error());
    const auto last = state_->journal.last(Family::outbox, state_->last_bound());
    if (!last) co_return std::unexpected(last.error());
    Batch batch;
    bool young = false;
    for (const Placed& record : *records) {
      const bool acked = record.position <= state_->durable.base.position + state_->acked;
      if (!acked || key_of(record.position) == (*last)->key) break;
      const auto event = sync::decode_event(record.event);
      young = event && event->time > now - keep && event->time <= now;
      if (young) break;
      batch.erase(Family::outbox, key_of(record.position));
      batch.put(Family::meta, std::string(pruned_key),
                key_of(record.position) + std::string(as_chars(record.hash)));
      from = record.position + 1;
      ++pruned;
    }
    if (batch.empty()) co_return pruned;
    co_await state_->journal.commit(std::move(batch));
    state_->first_kept = from;
    if (young || pruned >= count_max) co_return pruned;
  }
}

// ---- a new epoch

const std::optional<Granted>& Outbox::granted() const {
  return state_->granted;
}

Task<void> Outbox::note_granted(Granted granted) {
  if (granted.epoch <= state_->assigned.base.epoch || granted == state_->granted) co_return;
  // Older news, or the same with less to it.
  const auto& known = state_->granted;
  if (known && (granted.epoch < known->epoch || (granted.epoch == known->epoch && !granted.applied)))
    co_return;
  Batch batch;
  batch.put(Family::meta, std::string(granted_key), bytes_of(granted));
  co_await state_->journal.commit(std::move(batch));
  // Unless it was adopted meanwhile.
  if (granted.epoch > state_->assigned.base.epoch) state_->granted = std::move(granted);
}

Task<bool> Outbox::note_hub(Uuid incarnation, std::uint64_t cursor) {
  const std::string known = state_->hub;
  state_->hub.assign(incarnation.bytes.begin(), incarnation.bytes.end());
  if (known == state_->hub || state_->assigned.base.epoch != state_->durable.base.epoch) co_return false;
  Batch batch;
  batch.put(Family::meta, std::string(hub_key), state_->hub);
  const bool restored = !known.empty();
  if (restored && cursor < state_->acked) {
    state_->acked = cursor;
    batch.put(Family::meta, std::string(acked_key), key_of(cursor));
  }
  co_await state_->journal.commit(std::move(batch));
  co_return restored;
}

Result<void> Outbox::State::may_adopt(std::uint64_t epoch) const {
  const std::string present = std::to_string(assigned.base.epoch);
  if (adopting) return fail(Errc::session_state, "a new epoch is being adopted");
  if (epoch <= assigned.base.epoch || epoch > epoch_max)
    return fail(Errc::validation_failed,
                "the store is in epoch " + present + ": only a later one can be adopted");
  if (granted && granted->epoch != epoch) {
    return fail(Errc::validation_failed, "the hub has granted epoch " + std::to_string(granted->epoch) +
                                             ", not " + std::to_string(epoch));
  }
  return {};
}

/// The position after what the hub has; nullopt when that is no part of this history.
Result<std::optional<std::uint64_t>> Outbox::State::after_applied(const sync::Applied& applied) const {
  for (const EpochBase& base : bases) {
    if (base.epoch != applied.epoch) continue;
    const std::uint64_t position = base.position + applied.through;
    if (applied.through == 0) return position + 1;
    const auto hash = digest_at(position);
    if (!hash) return std::unexpected(hash.error());
    if (*hash == applied.hash) return position + 1;
  }
  return std::nullopt;
}

Result<Outbox::State::Unknown> Outbox::State::unknown_to_hub(std::uint64_t epoch) const {
  const std::uint64_t after_acked = durable.base.position + acked + 1;
  if (!granted || granted->epoch != epoch || !granted->applied) return Unknown{.position = after_acked};
  const sync::Applied& applied = *granted->applied;
  const auto after = after_applied(applied);
  if (!after) return std::unexpected(after.error());
  const auto lost = is_pruned_from(applied);
  if (!lost) return std::unexpected(lost.error());
  if (*after) return Unknown{.position = **after, .history_lost = *lost};
  // The hub has another history behind some common beginning: what it has acknowledged here is in both,
  // unless it was restored meanwhile, to before that.
  const bool forgot =
      applied.epoch < durable.base.epoch || (applied.epoch == durable.base.epoch && applied.through < acked);
  return Unknown{.position = forgot ? 0 : after_acked, .history_lost = *lost};
}

/// Whether some event behind what the hub has was removed.
Result<bool> Outbox::State::is_pruned_from(const sync::Applied& applied) const {
  const auto pruned = journal.get(Family::meta, pruned_key);
  if (!pruned) return std::unexpected(pruned.error());
  for (const EpochBase& base : bases) {
    if (base.epoch == applied.epoch && *pruned) return read_u64(**pruned) > base.position + applied.through;
  }
  return false;
}

/// Removes the records of these positions, slice by slice; `also` goes with the last.
Task<Result<void>> Outbox::State::erase(std::uint64_t from, std::uint64_t through, Batch also) {
  while (true) {
    Batch batch;
    std::size_t count = 0;
    const auto scanned =
        journal.scan(Family::outbox, key_of(from), [&](std::string_view key, std::string_view) {
          if (count == prune_slice || read_u64(key) > through) return false;
          batch.erase(Family::outbox, std::string(key));
          from = read_u64(key) + 1;
          ++count;
          return true;
        });
    if (!scanned) co_return std::unexpected(scanned.error());
    if (count < prune_slice) {
      for (const Batch::Change& change : also.changes()) batch.erase(change.family, change.key);
      co_await journal.commit(std::move(batch));
      co_return Result<void>{};
    }
    co_await journal.commit(std::move(batch));
  }
}

/// Removes what an adoption has left that the process's end cut short.
Task<Result<void>> Outbox::State::clear_staged() {
  if (staged == 0) co_return Result<void>{};
  Batch mark;
  mark.erase(Family::meta, std::string(staged_key));
  auto erased = co_await erase(staged + 1, std::numeric_limits<std::uint64_t>::max() - 1, std::move(mark));
  if (erased) staged = 0;
  co_return erased;
}

/// Adds the next slice of the durable history to `next`; true when there is no more of it.
Result<bool> Outbox::State::stage_slice(Chain& next, std::uint64_t& from, Batch& batch) const {
  auto records = read(from, prune_slice, limits::sync_batch_bytes_max);
  if (!records) return failure(records);
  for (Placed& record : *records) {
    from = record.position + 1;
    renumber(next, std::move(record.event), batch);
  }
  return records->empty() || from > durable.position();
}

/// Writes the new chain behind the present one and makes it the history. The position up to which the
/// present one had grown.
Task<Result<std::uint64_t>> Outbox::State::stage(Chain& next, std::uint64_t from) {
  Batch mark;
  mark.put(Family::meta, std::string(staged_key), key_of(next.base.position));
  staged = next.base.position;
  co_await journal.commit(std::move(mark));
  while (true) {
    Batch batch;
    const auto all = stage_slice(next, from, batch);
    if (!all) co_return std::unexpected(all.error());
    if (!*all) {
      co_await journal.commit(std::move(batch));
      continue;
    }
    // From here to the journal's queue nothing is awaited: no event comes in between.
    for (const InFlight& event : in_flight) {
      if (event.position >= from) renumber(next, event.event, batch);
    }
    bases.push_back(next.base);
    batch.put(Family::meta, std::string(epoch_key), key_of(next.base.epoch));
    batch.put(Family::meta, std::string(bases_key), encode(bases));
    batch.put(Family::meta, std::string(acked_key), key_of(0));
    batch.erase(Family::meta, std::string(staged_key));
    batch.erase(Family::meta, std::string(granted_key));
    const std::uint64_t end = assigned.position();
    assigned = next;
    staged = 0;
    granted.reset();
    co_await journal.commit(std::move(batch));
    reached(next);
    co_return end;
  }
}

Task<Result<Adopted>> Outbox::adopt(std::uint64_t epoch) {
  State& state = *state_;
  if (auto may = state.may_adopt(epoch); !may) co_return failure(may);
  state.adopting = true;
  Result<Adopted> outcome = co_await adopt_whole(epoch);
  state.adopting = false;
  if (outcome && state.wake) state.wake();
  co_return outcome;
}

Task<Result<Adopted>> Outbox::adopt_whole(std::uint64_t epoch) {
  State& state = *state_;
  if (auto cleared = co_await state.clear_staged(); !cleared) co_return failure(cleared);
  const auto unknown = state.unknown_to_hub(epoch);
  if (!unknown) co_return std::unexpected(unknown.error());
  Chain next = state.start_of(
      {.epoch = epoch, .position = ((state.assigned.position() >> base_bits) + 1) << base_bits});
  const auto end = co_await state.stage(next, unknown->position);
  if (!end) co_return std::unexpected(end.error());
  const Adopted adopted{.events = next.sequence, .history_lost = unknown->history_lost};
  // They have a place in the new epoch; what stays of those before it is what the hub has.
  if (auto erased = co_await state.erase(unknown->position, *end, {}); !erased) co_return failure(erased);
  co_return adopted;
}

}  // namespace perkline::edge::journal
