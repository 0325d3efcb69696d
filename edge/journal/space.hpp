#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace perkline::edge::journal {

/// What the disk still holds for the journal.
enum class Room : std::uint8_t {
  ample,
  low,   ///< Less than the reserve is left: what is under way may end, nothing new begins.
  none,  ///< So little that a write might fail: nothing is written until there is more.
};
std::string_view name_of(Room room);

/// The free space of a folder's file system, as it was last looked at, held against a reserve (contract.md
/// §3, `storage.reserve_mib`). look() on one thread, the rest on any.
class Space {
 public:
  struct Options {
    std::filesystem::path folder;
    std::uint64_t reserve_bytes = 0;  ///< 0: there is always ample room.
    /// How many bytes are free; empty: statvfs(3) tells what is free for this user.
    std::function<std::uint64_t()> ask = {};
  };
  /// Looks at once.
  explicit Space(Options options);

  /// Where the file system does not say, the last word stands.
  Room look();

  std::uint64_t free_bytes() const { return free_.load(std::memory_order_relaxed); }
  Room room() const { return room_.load(std::memory_order_relaxed); }
  /// Less than that will soon be too little: the reserve and half of it again.
  std::uint64_t comfort_bytes() const { return options_.reserve_bytes + options_.reserve_bytes / 2; }

 private:
  const Options options_;
  std::atomic<std::uint64_t> free_{0};
  std::atomic<Room> room_{Room::ample};
};

}  // namespace perkline::edge::journal
