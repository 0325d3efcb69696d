#include "edge/journal/space.hpp"

#include <algorithm>
#include <sys/statvfs.h>
#include <utility>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::journal {
namespace {

/// Of the reserve, this much stays untouched even by what is under way: one group of batches, RocksDB's next
/// log file and what it flushes must never meet the end of the disk.
constexpr std::uint64_t floor_bytes_max = 16 * limits::mib;

std::uint64_t floor_of(std::uint64_t reserve) {
  return std::min(reserve / 4, floor_bytes_max);
}

}  // namespace

std::string_view name_of(Room room) {
  switch (room) {
    case Room::ample:
      return "ample";
    case Room::low:
      return "low";
    case Room::none:
      return "none";
  }
  PERKLINE_ASSERT(false);
}

Space::Space(Options options) : options_(std::move(options)) {
  look();
}

Room Space::look() {
  if (options_.ask) {
    free_ = options_.ask();
  } else if (struct ::statvfs info{}; ::statvfs(options_.folder.c_str(), &info) == 0) {
    free_ = info.f_bavail * info.f_frsize;
  } else {
    return room();
  }
  const std::uint64_t reserve = options_.reserve_bytes;
  const Room found = free_ < floor_of(reserve) ? Room::none : free_ < reserve ? Room::low : Room::ample;
  room_ = found;
  return found;
}

}  // namespace perkline::edge::journal
