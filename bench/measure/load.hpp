#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shared/core/result.hpp"

namespace perkline::bench {

/// An operation of a load that has ended.
struct Ended {
  std::size_t lane;
  std::size_t kind = 0;     ///< Which of the load's kinds it was.
  bool ok = true;           ///< Answered as it should be.
  std::uint64_t units = 1;  ///< What of it counts: a batch's entries.
};

/// A way to put something under load: so many lanes (connections), each with at most one operation on its
/// way. How often is drive()'s matter. One thread.
class Load {
 public:
  virtual ~Load() = default;
  virtual std::size_t lanes() const = 0;
  /// The names of its kinds of operations.
  virtual std::vector<std::string> kinds() const { return {"call"}; }
  /// Sends the next operation of a lane that has none on its way; returns at once. Errors: whatever makes
  /// going on useless; the run ends.
  virtual Result<void> begin(std::size_t lane) = 0;
  /// Of the first operation that ended otherwise than it should: what became of it. Empty: none did.
  virtual std::string complaint() const { return {}; }
  /// Waits up to `patience` for any to end, and appends all that have. Errors as above.
  virtual Result<void> poll(std::chrono::nanoseconds patience, std::vector<Ended>& ended) = 0;
};

}  // namespace perkline::bench
