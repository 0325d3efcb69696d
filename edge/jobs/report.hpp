#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::edge::jobs {

/// What a run has come to: how many of what.
struct Count {
  std::string_view of;  ///< A literal.
  std::uint64_t count = 0;
  bool operator==(const Count&) const = default;
};
using Report = std::vector<Count>;

/// What a job's run gives when it was told to stop.
inline std::unexpected<Error> stopped_early() {
  return fail(Errc::cancelled, "the daemon ends");
}

}  // namespace perkline::edge::jobs
