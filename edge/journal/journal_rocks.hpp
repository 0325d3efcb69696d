#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "edge/journal/journal.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge::journal {

struct JournalRocksOptions {
  std::filesystem::path
      folder;  ///< Made when missing; `<folder>/db` is RocksDB's, `<folder>/high_water` ours.
  /// How long each group's write and sync took. Called on the writer's thread.
  std::function<void(std::chrono::nanoseconds)> on_sync = {};
  /// What happens when a write or sync fails. Empty: the process ends with status 1 (systemd starts it
  /// again).
  std::function<void(const std::string& what)> on_failure = {};
};

/// The journal on RocksDB 7.8, with one writer thread that writes and syncs all that waits as one batch.
///
/// Beside the database a small file keeps the high-water mark: an outbox sequence, with its chain hash, that
/// is known to be on disk. It is rewritten about once a second, after the sync it speaks of, so it may lag
/// but never claims too much. A database that has lost what the mark vouches for is not opened.
class JournalRocks final : public Journal {
 public:
  /// `reactor` must outlive the journal; its thread is the one that calls. Errors: io_failed (no such folder,
  /// in use by another process), corrupt (RocksDB refuses, or it is behind the high-water mark; `detail` says
  /// what to do), newer_format.
  static Result<std::unique_ptr<JournalRocks>> open(net::Reactor& reactor, JournalRocksOptions options);
  ~JournalRocks() override;  ///< Writes what still waits; nobody is resumed any more.

  Task<void> commit(Batch batch) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Result<void> scan(Family family, std::string_view from,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override;
  Result<std::optional<Entry>> last(Family family) const override;

  /// How many batches wait for the writer. Any thread.
  std::size_t waiting() const;

 private:
  struct State;
  explicit JournalRocks(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::edge::journal
