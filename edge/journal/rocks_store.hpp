#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/journal/journal.hpp"

namespace perkline::edge::journal {

/// The journal's RocksDB database: its options, its families, its errors in our words. Blocking; all calls
/// from any thread, write() from one at a time.
class RocksStore {
 public:
  /// What readers see: everything written before it was taken, nothing after. Must not outlive the store.
  class View;

  /// Made when missing, families and all. Replays RocksDB's log, so this may take a while after a crash.
  /// Errors: corrupt (RocksDB finds damage and refuses), newer_format, io_failed.
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder);
  ~RocksStore();

  /// All of `batches` as one: on disk when it returns. Errors: io_failed, corrupt; then the store is not to
  /// be written again (hazards: after a failed sync the disk vouches for nothing).
  Result<void> write(std::span<const Batch> batches);

  std::shared_ptr<const View> view() const;

  /// As the port has them.
  Result<std::optional<std::string>> get(const View& view, Family family, std::string_view key) const;
  Result<std::optional<Entry>> last(const View& view, Family family) const;
  Result<void> scan(const View& view, Family family, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  struct State;
  explicit RocksStore(std::unique_ptr<State> state);
  Result<void> check_format();

  std::unique_ptr<State> state_;
};

}  // namespace perkline::edge::journal
