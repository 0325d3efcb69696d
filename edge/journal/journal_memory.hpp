#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "edge/journal/journal.hpp"
#include "shared/core/random.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::edge::journal {

/// What a simulated disk holds: it outlives the process, the JournalMemory, that writes to it. One thread.
class MemoryDisk {
 public:
  /// The power goes: of the batches not yet synced only some first ones survive, each of them whole. To be
  /// called between two journals. Without it the process alone has ended, and what it wrote is all there.
  void crash(Rng& rng);

  /// While `failing`, a sync fails as on a full or broken disk.
  void set_failing(bool failing) { failing_ = failing; }

  /// How many syncs have succeeded.
  std::uint64_t syncs() const { return syncs_; }

 private:
  friend class JournalMemory;
  using Table = std::map<std::string, std::string, std::less<>>;

  Table& table(Family family) { return tables_.at(static_cast<std::size_t>(family)); }
  const Table& table(Family family) const { return tables_.at(static_cast<std::size_t>(family)); }
  void sync_first(std::size_t batches);

  std::array<Table, family_count> tables_;
  std::deque<Batch> unsynced_;
  std::uint64_t syncs_ = 0;
  bool failing_ = false;
};

/// The journal in memory, for the simulation and for tests. Works on a reactor and on a simulated world
/// alike; must be destroyed before the one it runs on.
class JournalMemory final : public Journal {
 public:
  /// A sync lasts `sync_delay`; what is committed meanwhile waits for the next. `clock` must outlive this.
  JournalMemory(std::shared_ptr<MemoryDisk> disk, net::AsyncClock& clock, Millis sync_delay = Millis{0});
  ~JournalMemory() override;

  Task<void> commit(Batch batch) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<std::optional<Entry>> last(Family family) const override;
  Result<void> scan(
      Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

  /// Whether a sync has failed: where the real journal ends the process, this one never returns from a commit
  /// again.
  bool failed() const;

 private:
  struct State;
  static Task<void> sync_all(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace perkline::edge::journal
