#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace perkline::test {

/// Where a process meets the world: its data folder's files, and its lines to two ports.
enum class Place : std::uint32_t { write, sync, pdi_send, pdi_receive, hub_send, hub_receive };
inline constexpr std::size_t place_count = 6;

enum class Happening : std::uint32_t {
  crash_before,  ///< The call does not happen: SIGKILL.
  crash_after,   ///< It has happened, and nobody is told.
  io_error,      ///< It fails with EIO,
  disk_full,     ///< or with ENOSPC.
};

/// What `libfailpoint` (failpoint.cpp) and the test share: a file that both have mapped.
struct FailpointPlan {
  std::atomic<std::uint32_t>
      armed;  ///< 0: it counts, and nothing happens. Set last; taken back when it happens.
  std::atomic<std::uint32_t> happening;
  std::atomic<std::uint32_t> place;
  std::atomic<std::uint32_t> happened;                           ///< How often so far.
  std::atomic<std::uint64_t> wanted;                             ///< At the place's count of so many,
  std::array<std::atomic<std::uint64_t>, place_count> counts{};  ///< of these, by Place.
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace perkline::test
