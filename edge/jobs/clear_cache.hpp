#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "edge/jobs/report.hpp"

namespace perkline::edge::jobs {

/// Lets go of what the process remembers and need not. Replies are none of it: the journal answers a call
/// that comes again (edge/jobs/README.md). Reactor's thread.
class ClearCache {
 public:
  /// Forgets what has been idle and gives how many entries went; must not block.
  using Clear = std::function<std::size_t()>;
  void add(Clear clear) { all_.push_back(std::move(clear)); }

  /// Gives `cleared`.
  Report run() const;

 private:
  std::vector<Clear> all_;
};

}  // namespace perkline::edge::jobs
