#include "edge/journal/journal_memory.hpp"

#include <deque>
#include <utility>

#include "edge/journal/wait_durable.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge::journal {
namespace {

constexpr Millis full_look{200};

}  // namespace

void MemoryDisk::apply(const Batch& batch) {
  for (const Batch::Change& change : batch.changes()) {
    Table& table = tables_.at(static_cast<std::size_t>(change.family));
    if (change.value) {
      table.insert_or_assign(change.key, *change.value);
    } else {
      table.erase(change.key);
    }
  }
}

/// Shared with the coroutine that syncs, which may be asleep when the journal goes.
struct JournalMemory::State {
  struct Waiting {
    Batch batch;
    std::weak_ptr<net::Signal> durable;
  };
  enum class Stage : std::uint8_t { idle, syncing, failed, gone };

  const MemoryDisk::Table& table(Family family) const {
    return disk.tables_.at(static_cast<std::size_t>(family));
  }

  MemoryDisk& disk;
  net::AsyncClock& clock;
  std::deque<Waiting> waiting;
  Stage stage = Stage::idle;
};

JournalMemory::JournalMemory(MemoryDisk& disk, net::AsyncClock& clock)
    : state_(std::make_shared<State>(State{.disk = disk, .clock = clock, .waiting = {}})) {}

JournalMemory::~JournalMemory() {
  state_->stage = State::Stage::gone;
}

Task<void> JournalMemory::commit(Batch batch) {
  if (batch.empty()) co_return;
  auto durable = std::make_shared<net::Signal>();
  state_->waiting.push_back({.batch = std::move(batch), .durable = durable});
  if (state_->stage == State::Stage::idle) {
    state_->stage = State::Stage::syncing;
    co_await net::spawn_child(sync_what_waits(state_));
  }
  co_await wait_durable(std::move(durable));
}

Task<void> JournalMemory::sync_what_waits(std::shared_ptr<State> state) {
  while (!state->waiting.empty()) {
    std::size_t group = state->waiting.size();
    co_await state->clock.sleep(state->disk.sync_time);
    while (state->disk.full && state->stage == State::Stage::syncing) co_await state->clock.sleep(full_look);
    if (state->stage != State::Stage::syncing) co_return;
    if (state->disk.failing) {
      state->stage = State::Stage::failed;
      co_return;
    }
    ++state->disk.syncs;
    for (; group > 0; --group) {
      const State::Waiting& done = state->waiting.front();
      state->disk.apply(done.batch);
      if (const auto durable = done.durable.lock()) durable->notify();
      state->waiting.pop_front();
    }
  }
  state->stage = State::Stage::idle;
}

void JournalMemory::crash(Rng& rng) {
  for (std::uint64_t survive = rng.below(state_->waiting.size() + 1); survive > 0; --survive) {
    state_->disk.apply(state_->waiting.front().batch);
    state_->waiting.pop_front();
  }
  state_->stage = State::Stage::gone;
}

Result<std::optional<std::string>> JournalMemory::get(Family family, std::string_view key) const {
  const auto& table = state_->table(family);
  const auto found = table.find(key);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<Entry>> JournalMemory::last(Family family, std::string_view before) const {
  const auto& table = state_->table(family);
  const auto end = before.empty() ? table.end() : table.lower_bound(before);
  if (end == table.begin()) return std::nullopt;
  const auto at = std::prev(end);
  return Entry{.key = at->first, .value = at->second};
}

Result<void> JournalMemory::scan(
    Family family, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const auto& table = state_->table(family);
  for (auto at = table.lower_bound(from); at != table.end() && visit(at->first, at->second); ++at) {
  }
  return {};
}

bool JournalMemory::failed() const {
  return state_->stage == State::Stage::failed;
}

}  // namespace perkline::edge::journal
