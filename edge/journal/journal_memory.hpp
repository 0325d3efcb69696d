#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "edge/journal/journal.hpp"
#include "shared/core/random.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::edge::journal {

/// A simulated disk: what is on it outlives the process, that is the JournalMemory, that wrote it.
class MemoryDisk {
 public:
  Millis sync_time{0};      ///< How long a sync takes.
  bool full = false;        ///< Syncs wait until it is not.
  bool failing = false;     ///< Broken: the next sync fails.
  std::uint64_t syncs = 0;  ///< How many have succeeded.

 private:
  friend class JournalMemory;
  using Table = std::map<std::string, std::string, std::less<>>;

  void apply(const Batch& batch);

  std::array<Table, family_count> tables_;  ///< By Family.
};

/// The journal in memory, for the simulation and for tests; on a reactor and on a simulated world alike, and
/// it does not matter which of the two goes first. Batches wait in memory until their sync is over; those
/// that come while one is under way share the next. One thread.
class JournalMemory final : public Journal {
 public:
  /// Both must outlive the journal.
  JournalMemory(MemoryDisk& disk, net::AsyncClock& clock);
  /// The process ends: what was not synced is gone.
  ~JournalMemory() override;

  Task<void> commit(Batch batch) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<std::optional<Entry>> last(Family family, std::string_view before = {}) const override;
  Result<void> scan(
      Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

  /// The power goes: of the batches not yet synced some first ones are on the disk after all, each of them
  /// whole. No commit returns any more; only to be destroyed then.
  void crash(Rng& rng);

  /// Whether a sync has failed. The real journal ends the process there; this one stands still: no commit
  /// returns any more, and the simulation is to crash it.
  bool failed() const;

 private:
  struct State;
  static Task<void> sync_what_waits(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace perkline::edge::journal
