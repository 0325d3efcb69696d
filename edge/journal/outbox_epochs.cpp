#include <limits>

#include "edge/journal/lease_holder.hpp"
#include "edge/journal/outbox_state.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::journal {
namespace {

/// Epochs begin at multiples of this, so that one can grow while the next is being written.
constexpr unsigned base_bits = 40;
/// Numbers on the wire are no larger.
constexpr std::uint64_t epoch_max = std::numeric_limits<std::int64_t>::max();

}  // namespace

const std::optional<Granted>& Outbox::granted() const {
  return state_->granted;
}

Task<void> Outbox::note_granted(Granted granted) {
  if (granted.epoch <= state_->assigned.base.epoch || granted == state_->granted) co_return;
  // The same with less to it. A lower one than was known is news too: of a hub that was restored since.
  const auto& known = state_->granted;
  if (known && granted.epoch == known->epoch && !granted.applied) co_return;
  Batch batch;
  batch.put(Family::meta, std::string(granted_key), bytes_of(granted));
  co_await state_->journal.commit(std::move(batch));
  // Unless it was adopted meanwhile.
  if (granted.epoch > state_->assigned.base.epoch) state_->granted = std::move(granted);
}

Task<void> Outbox::forget_granted() {
  if (!state_->granted || state_->adopting) co_return;
  state_->granted.reset();
  Batch batch;
  batch.erase(Family::meta, std::string(granted_key));
  co_await state_->journal.commit(std::move(batch));
}

Task<bool> Outbox::note_hub(Uuid incarnation) {
  const std::string known = state_->hub;
  state_->hub.assign(incarnation.bytes.begin(), incarnation.bytes.end());
  if (known == state_->hub) co_return false;
  Batch batch;
  batch.put(Family::meta, std::string(hub_key), state_->hub);
  co_await state_->journal.commit(std::move(batch));
  co_return !known.empty();
}

Result<void> Outbox::may_adopt(std::uint64_t epoch) const {
  const std::uint64_t present = state_->assigned.base.epoch;
  const std::optional<Granted>& granted = state_->granted;
  if (state_->adopting) return fail(Errc::session_state, "a new epoch is being adopted");
  if (epoch <= present || epoch > epoch_max) {
    return fail(Errc::validation_failed,
                "the store is in epoch " + std::to_string(present) + ": only a later one can be adopted");
  }
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
  if (!granted || granted->epoch != epoch || !granted->applied) {
    const auto pruned = is_any_pruned();
    if (!pruned) return std::unexpected(pruned.error());
    return Unknown{.position = 0, .history_lost = *pruned ? std::nullopt : std::optional(false)};
  }
  const sync::Applied& applied = *granted->applied;
  const auto after = after_applied(applied);
  if (!after) return std::unexpected(after.error());
  const auto gone = pruned_behind(applied);
  if (!gone) return std::unexpected(gone.error());
  // Where the hub has another history, nobody knows how much of the beginning the two have in common: what it
  // once acknowledged here it may have forgotten before it went on with the other.
  return Unknown{.position = after->value_or(0), .history_lost = gone->has_value(), .lost = *gone};
}

Result<bool> Outbox::State::is_any_pruned() const {
  const auto pruned = journal.get(Family::meta, pruned_key);
  if (!pruned) return std::unexpected(pruned.error());
  return pruned->has_value();
}

/// Up to where events behind what the hub has were removed; nullopt: none was.
Result<std::optional<sync::HistoryLost>> Outbox::State::pruned_behind(const sync::Applied& applied) const {
  const auto pruned = journal.get(Family::meta, pruned_key);
  if (!pruned) return std::unexpected(pruned.error());
  if (!*pruned) return std::nullopt;
  const std::uint64_t last = read_u64(**pruned);
  const EpochBase* of_last = nullptr;
  bool is_behind = false;
  for (const EpochBase& base : bases) {
    if (base.position <= last) of_last = &base;
    if (base.epoch == applied.epoch) is_behind = last > base.position + applied.through;
  }
  if (!is_behind || of_last == nullptr) return std::nullopt;
  return sync::HistoryLost{.epoch = of_last->epoch,
                           .through = last - of_last->position,
                           .hash = digest_of(std::string_view(**pruned).substr(sizeof last))};
}

/// Removes the records of these positions, slice by slice; `also` goes with the last.
Task<Result<void>> Outbox::State::erase(std::uint64_t from, std::uint64_t through, Batch also) {
  while (true) {
    Batch batch;
    std::size_t count = 0;
    const auto scanned =
        journal.scan(Family::outbox, key_of(from), [&](std::string_view key, std::string_view) {
          if (count == outbox_slice || read_u64(key) > through) return false;
          batch.erase(Family::outbox, std::string(key));
          from = read_u64(key) + 1;
          ++count;
          return true;
        });
    if (!scanned) co_return std::unexpected(scanned.error());
    if (count < outbox_slice) {
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
  auto records = read(from, outbox_slice, limits::sync_batch_bytes_max);
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
    disown(batch);
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
  if (auto may = may_adopt(epoch); !may) co_return failure(may);
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
  if (unknown->history_lost != false) co_await note_lost();
  Chain next = state.start_of(
      {.epoch = epoch, .position = ((state.assigned.position() >> base_bits) + 1) << base_bits});
  const auto end = co_await state.stage(next, unknown->position);
  if (!end) co_return std::unexpected(end.error());
  const Adopted adopted{
      .events = next.sequence, .history_lost = unknown->history_lost, .lost = unknown->lost};
  // They have a place in the new epoch; what stays of those before it is what the hub has.
  if (auto erased = co_await state.erase(unknown->position, *end, {}); !erased) co_return failure(erased);
  co_return adopted;
}

}  // namespace perkline::edge::journal
