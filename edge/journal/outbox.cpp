#include "edge/journal/outbox.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::string_view epoch_key = "epoch";
constexpr std::string_view acked_key = "acked";
/// Events whose chain opening verifies: more than a crash can have touched, however many there are.
constexpr std::uint64_t checked_at_open = 512;
/// Events that pruning reads and removes before others get their turn.
constexpr std::size_t prune_slice = 256;

std::string key_of(std::uint64_t sequence) {
  std::string key;
  append_u64(key, sequence);
  return key;
}

Result<Outbox::Record> record_of(std::string_view key, std::string_view value) {
  Outbox::Record record{};
  if (key.size() != sizeof(std::uint64_t) || value.size() < record.hash.size())
    return fail(Errc::corrupt, "an outbox record is cut short");
  record.sequence = read_u64(key);
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

/// What does not decode is the hub's to put aside; here only the chain vouches for it. Errors: corrupt.
Result<void> check_owner(const StoreId& store, std::uint64_t epoch, const Outbox::Record& last) {
  const auto event = sync::decode_event(last.event);
  if (!event || (event->store == store && event->epoch == epoch)) return {};
  return fail(Errc::corrupt, "the outbox is that of store " + event->store.str() + ", epoch " +
                                 std::to_string(event->epoch) + ", not of store " + store.str() + ", epoch " +
                                 std::to_string(epoch));
}

/// The last records must continue one another without a gap, and the first of them the one before it, or the
/// chain's start. Errors: corrupt, io_failed.
Result<void> check_end(const Journal& journal, const StoreId& store, std::uint64_t epoch,
                       std::uint64_t last) {
  std::optional<Outbox::Record> before;
  if (last <= checked_at_open)
    before = Outbox::Record{.sequence = 0, .hash = sync::chain_start(store, epoch), .event = {}};
  Result<void> sound;
  std::uint64_t expected = last <= checked_at_open ? 1 : last - checked_at_open;
  const auto scanned =
      journal.scan(Family::outbox, key_of(expected), [&](std::string_view key, std::string_view value) {
        auto record = record_of(key, value);
        if (!record) return sound = failure(record), false;
        // What is missing at the front was removed as acknowledged.
        const bool first = !before || before->sequence == 0;
        if (record->sequence != expected && !first)
          return sound = fail(Errc::corrupt, "the outbox has a gap at " + std::to_string(expected)), false;
        const bool follows = before && before->sequence + 1 == record->sequence;
        if (follows && sync::chain_next(before->hash, record->event) != record->hash) {
          sound = fail(Errc::corrupt, "the outbox's chain is broken at " + std::to_string(record->sequence));
          return false;
        }
        expected = record->sequence + 1;
        before = std::move(*record);
        return true;
      });
  if (!scanned) return scanned;
  return sound;
}

}  // namespace

struct Outbox::State {
  Journal& journal;
  StoreId store;
  std::uint64_t epoch = 1;
  // What the next event stands on: runs ahead of what is durable by the commits under way.
  std::uint64_t assigned = 0;
  Digest assigned_hash{};
  std::uint64_t durable = 0;
  Digest durable_hash{};
  std::uint64_t acked = 0;
  std::uint64_t first_kept = 0;  ///< As far as is known: nothing is kept before it.
  std::function<void()> wake;
};

Outbox::Outbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::open(Journal& journal, StoreId store) {
  const auto epoch = read_number(journal, epoch_key, 1);
  if (!epoch) return std::unexpected(epoch.error());
  const auto acked = read_number(journal, acked_key, 0);
  if (!acked) return std::unexpected(acked.error());
  const auto last = journal.last(Family::outbox);
  if (!last) return std::unexpected(last.error());

  auto state = std::make_unique<State>(
      State{.journal = journal, .store = std::move(store), .epoch = *epoch, .acked = *acked, .wake = {}});
  state->durable_hash = sync::chain_start(state->store, state->epoch);
  if (*last) {
    const auto record = record_of((*last)->key, (*last)->value);
    if (!record) return std::unexpected(record.error());
    if (auto owner = check_owner(state->store, state->epoch, *record); !owner) return failure(owner);
    if (auto sound = check_end(journal, state->store, state->epoch, record->sequence); !sound)
      return failure(sound);
    state->durable = record->sequence;
    state->durable_hash = record->hash;
  }
  if (state->acked > state->durable)
    return fail(Errc::corrupt, "more is acknowledged than was ever journalled");
  state->assigned = state->durable;
  state->assigned_hash = state->durable_hash;
  return std::unique_ptr<Outbox>(new Outbox(std::move(state)));
}

Task<void> Outbox::commit(Batch batch, std::vector<NewEvent> events) {
  // Nothing is awaited between here and the journal's queue: the order of the calls is the order of the
  // sequences.
  if (!events.empty() && state_->assigned == 0)
    batch.put(Family::meta, std::string(epoch_key), key_of(state_->epoch));
  for (NewEvent& event : events) {
    const std::string bytes = sync::encode(sync::Event{.store = state_->store,
                                                       .epoch = state_->epoch,
                                                       .sequence = ++state_->assigned,
                                                       .id = event.id,
                                                       .time = event.time,
                                                       .traceparent = std::move(event.traceparent),
                                                       .payload = std::move(event.payload)});
    state_->assigned_hash = sync::chain_next(state_->assigned_hash, bytes);
    batch.put(Family::outbox, key_of(state_->assigned), std::string(as_chars(state_->assigned_hash)) + bytes);
  }
  const std::uint64_t sequence = state_->assigned;
  const Digest hash = state_->assigned_hash;
  co_await state_->journal.commit(std::move(batch));
  if (events.empty()) co_return;
  state_->durable = sequence;
  state_->durable_hash = hash;
  if (state_->wake) state_->wake();
}

std::uint64_t Outbox::epoch() const {
  return state_->epoch;
}
std::uint64_t Outbox::tail() const {
  return state_->durable;
}
Digest Outbox::tail_hash() const {
  return state_->durable_hash;
}
std::uint64_t Outbox::acked() const {
  return state_->acked;
}
void Outbox::on_growth(std::function<void()> wake) {
  state_->wake = std::move(wake);
}

Result<std::optional<Digest>> Outbox::hash_at(std::uint64_t sequence) const {
  if (sequence == 0) return sync::chain_start(state_->store, state_->epoch);
  if (sequence > state_->durable) return std::nullopt;
  const std::string key = key_of(sequence);
  const auto stored = state_->journal.get(Family::outbox, key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  const auto record = record_of(key, **stored);
  if (!record) return std::unexpected(record.error());
  return record->hash;
}

Result<std::vector<Outbox::Record>> Outbox::read(std::uint64_t from, std::size_t events_max,
                                                 std::size_t bytes_max) const {
  std::vector<Record> records;
  std::size_t bytes = 0;
  Result<void> sound;
  const auto scanned =
      state_->journal.scan(Family::outbox, key_of(from), [&](std::string_view key, std::string_view value) {
        if (records.size() == events_max) return false;
        auto record = record_of(key, value);
        if (!record) return sound = failure(record), false;
        if (record->sequence > state_->durable) return false;  // its commit has not returned yet
        if (!records.empty() && record->sequence != records.back().sequence + 1) {
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

Task<void> Outbox::set_acked(std::uint64_t sequence) {
  PERKLINE_ASSERT(sequence <= state_->durable);
  if (sequence <= state_->acked) co_return;
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
    const auto records = read(from, prune_slice, limits::sync_batch_bytes_max);
    if (!records) co_return std::unexpected(records.error());
    Batch batch;
    bool young = false;
    for (const Record& record : *records) {
      if (record.sequence > state_->acked || record.sequence == state_->durable) break;
      const auto event = sync::decode_event(record.event);
      young = event && event->time > now - keep && event->time <= now;
      if (young) break;
      batch.erase(Family::outbox, key_of(record.sequence));
      from = record.sequence + 1;
    }
    const std::size_t slice = batch.changes().size();
    if (slice == 0) co_return pruned;
    co_await state_->journal.commit(std::move(batch));
    state_->first_kept = from;
    pruned += slice;
    if (young || pruned >= count_max) co_return pruned;
  }
}

}  // namespace perkline::edge::journal
