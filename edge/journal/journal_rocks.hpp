#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "edge/journal/backup.hpp"
#include "edge/journal/journal.hpp"
#include "edge/journal/space.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge::journal {

struct JournalRocksOptions {
  /// Made when missing, for its owner only. In it: `db`, the database; `high_water`; `lock`.
  std::filesystem::path folder;
  /// How long the write and sync of each group took. Called on the writer's thread.
  std::function<void(std::chrono::nanoseconds)> on_sync = {};
  /// Something of the storage has failed: `read`, `write` (or its sync), `mark` (the high-water mark's file).
  /// Any thread.
  std::function<void(std::string_view kind)> on_error = {};
  /// A write or sync has failed and nothing is acknowledged from now on. Called on the writer's thread.
  /// Empty: the process ends with status 1, for systemd to start it anew.
  std::function<void(const std::string& what)> on_failure = {};
  /// Free space that is to be left on the folder's file system; see Space. 0: nobody looks.
  std::uint64_t reserve_bytes = 0;
  std::function<std::uint64_t()> free_bytes = {};  ///< Space::Options::ask
  /// The disk has no room, and what waits keeps waiting: told again and again. On the writer's thread.
  std::function<void()> on_hold = {};
};

/// The journal on RocksDB. One thread of its own takes all that waits, up to a bound, and writes and syncs it
/// as one; one task on the reactor then makes it visible and wakes all who wait for it.
///
/// That thread also looks how much room the disk has, before each write and every second. While there is none
/// it writes nothing: a write that is not tried cannot fail, so the process lives, and goes on by itself once
/// there is room.
///
/// Beside the database a file holds the high-water mark: an outbox sequence, with its chain hash, that is on
/// disk. It follows the journal within about a second, never runs ahead of it, and is right after a clean
/// end. A database that lacks what the mark vouches for is not opened.
class JournalRocks final : public Journal {
 public:
  /// Blocks, also for the replay after a crash. `reactor` must outlive the journal, and its thread is the one
  /// that calls. Errors, with what to do in `detail`: corrupt (damaged, or behind the high-water mark),
  /// newer_format, io_failed (also: in use by another process).
  static Result<std::unique_ptr<JournalRocks>> open(net::Reactor& reactor, JournalRocksOptions options);
  /// Still writes what waits, without waking anybody.
  ~JournalRocks() override;

  Task<void> commit(Batch batch) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<std::optional<Entry>> last(Family family, std::string_view before = {}) const override;
  Result<void> scan(
      Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

  /// Batches committed and not yet on disk. Any thread.
  std::size_t waiting() const;
  const Space& space() const;

  /// Gives the disk back what lies under erased keys of `family`, on a thread of its own; not while it is
  /// still at it.
  void compact(Family family);

  /// A backup while the journal is in use; `data_dir` is the journal's. Blocks; any thread, and the journal
  /// must outlive it. Errors: back_up's.
  Result<BackedUp> back_up(BackupOrder order) const;

 private:
  class Writer;
  explicit JournalRocks(std::shared_ptr<Writer> writer);

  std::shared_ptr<Writer> writer_;
};

}  // namespace perkline::edge::journal
