#include "edge/journal/journal_memory.hpp"

#include <utility>
#include <vector>

#include "edge/journal/resume.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge::journal {

void MemoryDisk::sync_first(std::size_t batches) {
  for (; batches > 0; --batches) {
    for (const auto& change : unsynced_.front().changes()) {
      if (change.value) {
        table(change.family).insert_or_assign(change.key, *change.value);
      } else {
        table(change.family).erase(change.key);
      }
    }
    unsynced_.pop_front();
  }
}

void MemoryDisk::crash(Rng& rng) {
  sync_first(rng.below(unsynced_.size() + 1));
  unsynced_.clear();
}

/// Shared with the coroutine that syncs, which may be asleep when the journal goes.
struct JournalMemory::State {
  std::shared_ptr<MemoryDisk> disk;
  net::AsyncClock& clock;
  Millis sync_delay;
  std::deque<Resume> waiting;  ///< One for each of the disk's unsynced batches.
  bool syncing = false;
  bool failed = false;
  bool closed = false;
};

JournalMemory::JournalMemory(std::shared_ptr<MemoryDisk> disk, net::AsyncClock& clock, Millis sync_delay)
    : state_(
          std::make_shared<State>(State{.disk = std::move(disk), .clock = clock, .sync_delay = sync_delay})) {
  state_->disk->sync_first(state_->disk->unsynced_.size());
}

JournalMemory::~JournalMemory() {
  state_->closed = true;
  state_->waiting.clear();
}

Task<void> JournalMemory::commit(Batch batch) {
  if (batch.empty()) co_return;
  const auto state = state_;
  if (!std::exchange(state->syncing, true)) co_await net::spawn_child(sync_all(state));
  co_await suspended([&](Resume resume) {
    state->disk->unsynced_.push_back(std::move(batch));
    state->waiting.push_back(std::move(resume));
  });
}

Task<void> JournalMemory::sync_all(std::shared_ptr<State> state) {
  do {
    const std::size_t group = state->waiting.size();
    co_await state->clock.sleep(state->sync_delay);
    if (state->closed) co_return;
    if (state->disk->failing_) {
      state->failed = true;
      co_return;
    }
    state->disk->sync_first(group);
    ++state->disk->syncs_;
    std::vector<Resume> durable(
        std::make_move_iterator(state->waiting.begin()),
        std::make_move_iterator(state->waiting.begin() + static_cast<std::ptrdiff_t>(group)));
    state->waiting.erase(state->waiting.begin(), state->waiting.begin() + static_cast<std::ptrdiff_t>(group));
    for (auto& resume : durable) resume();
  } while (!state->closed && !state->waiting.empty());
  state->syncing = false;
}

Result<std::optional<std::string>> JournalMemory::get(Family family, std::string_view key) const {
  const auto& table = std::as_const(*state_->disk).table(family);
  const auto found = table.find(key);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<Entry>> JournalMemory::last(Family family) const {
  const auto& table = std::as_const(*state_->disk).table(family);
  if (table.empty()) return std::nullopt;
  return Entry{.key = table.rbegin()->first, .value = table.rbegin()->second};
}

Result<void> JournalMemory::scan(
    Family family, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const auto& table = std::as_const(*state_->disk).table(family);
  for (auto at = table.lower_bound(from); at != table.end() && visit(at->first, at->second); ++at) {
  }
  return {};
}

bool JournalMemory::failed() const {
  return state_->failed;
}

}  // namespace perkline::edge::journal
