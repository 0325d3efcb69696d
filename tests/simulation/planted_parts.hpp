#pragma once

#include "edge/journal/journal_memory.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/net/async_clock.hpp"
#include "tests/simulation/fate.hpp"

/// What stands in the place of a sound part, or around it, where a bug is planted at a port.
namespace perkline::simulation {

/// ack_before_sync: what is committed is seen, and acknowledged, at once; the disk has it later.
class HastyJournal final : public edge::journal::Journal {
 public:
  HastyJournal(edge::journal::MemoryDisk& disk, edge::journal::JournalMemory& synced, net::AsyncClock& clock)
      : seen_disk_(disk), seen_(seen_disk_, clock), synced_(synced) {
    seen_disk_.sync_time = Millis{0};
  }

  Task<void> commit(edge::journal::Batch batch) override;
  Result<std::optional<std::string>> get(edge::journal::Family family, std::string_view key) const override {
    return seen_.get(family, key);
  }
  Result<std::optional<edge::journal::Entry>> last(edge::journal::Family family,
                                                   std::string_view before) const override {
    return seen_.last(family, before);
  }
  Result<void> scan(
      edge::journal::Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    return seen_.scan(family, from, visit);
  }

 private:
  edge::journal::MemoryDisk seen_disk_;
  edge::journal::JournalMemory seen_;
  edge::journal::JournalMemory& synced_;
};

/// wall_clock_timers: a steady clock that is the wall clock.
class WallTimers final : public net::AsyncClock {
 public:
  explicit WallTimers(net::AsyncClock& clock)
      : clock_(clock), mono_(clock.mono_now()), wall_(clock.wall_now()) {}
  WallTime wall_now() const override { return clock_.wall_now(); }
  MonoTime mono_now() const override { return mono_ + (clock_.wall_now() - wall_); }
  Task<void> sleep_until(MonoTime time) override {
    return clock_.sleep_until(clock_.mono_now() + (time - mono_now()));
  }

 private:
  net::AsyncClock& clock_;
  MonoTime mono_;
  WallTime wall_;
};

/// forgotten_redemptions.
edge::journal::Batch without_redemptions(const edge::journal::Batch& batch);

/// forgotten_units, forgotten_reservations: of the wheel's records those whose keys begin so are not put.
edge::journal::Batch without_wheel_records(const edge::journal::Batch& batch, std::string_view begin);

/// cursor_in_its_own_write: `work`, but that the store's cursor moves first and for itself.
Result<void> write_cursor_first(hub::db::SqliteInline& database, Fate& fate,
                                const std::function<Result<void>(hub::db::Transaction&)>& work);

}  // namespace perkline::simulation
