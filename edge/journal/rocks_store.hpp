#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/journal/journal.hpp"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace perkline::edge::journal {

/// The journal's RocksDB database: its options, its families, its errors in our words. Blocking; all calls
/// from any thread, write() from one at a time.
class RocksStore {
 public:
  /// What readers see: everything written before it was taken, nothing after. Must not outlive the store.
  class View;

  enum class Access : std::uint8_t {
    writing,        ///< Made when missing, families and all.
    point_in_time,  ///< Also writing, but damage in the log counts as its end: for copies only.
    reading,        ///< Writes nothing. For folders that no process writes.
    beside_writer,  ///< Likewise, while another process may write: what that has written so far.
  };
  struct Opening {
    Access access = Access::writing;
    std::filesystem::path scratch = {};  ///< For beside_writer: a folder of its own.
    rocksdb::Env* env = nullptr;         ///< What it is read through, if not the usual.
  };
  /// Replays RocksDB's log, so this may take a while after a crash. Errors: corrupt (RocksDB finds damage and
  /// refuses), newer_format, io_failed.
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder);
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder,
                                                  const Opening& opening);
  ~RocksStore();

  /// All of `batches` as one: on disk when it returns. Errors: storage_full (nothing was tried; the same
  /// again, until there is room), io_failed, corrupt; then the store is not to be written again (hazards:
  /// after a failed sync the disk vouches for nothing).
  Result<void> write(std::span<const Batch> batches);

  /// How much was ever written, by RocksDB's count: rises with every change, also across restarts, and falls
  /// only if the end of what was written is lost.
  std::uint64_t writes() const;

  std::shared_ptr<const View> view() const;
  /// Reads what is written by now. Must not outlive the store.
  std::unique_ptr<JournalReader> reader() const;

  /// Reads every table file and compares it with its checksums. Errors: corrupt, io_failed.
  Result<void> check_files() const;

  /// Gives the disk back what lies under erased keys of `family`. Takes its time; ends early once
  /// `cancelled`. Any thread. Errors: io_failed, corrupt.
  Result<void> compact(Family family, std::atomic<bool>& cancelled);

  /// For backups.
  rocksdb::DB& database() const;

  /// As the port has them.
  Result<std::optional<std::string>> get(const View& view, Family family, std::string_view key) const;
  Result<std::optional<Entry>> last(const View& view, Family family, std::string_view before = {}) const;
  Result<void> scan(const View& view, Family family, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  struct State;
  explicit RocksStore(std::unique_ptr<State> state);
  Result<void> check_format(bool may_write);

  std::unique_ptr<State> state_;
};

}  // namespace perkline::edge::journal
