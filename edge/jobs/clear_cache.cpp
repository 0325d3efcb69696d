#include "edge/jobs/clear_cache.hpp"

namespace perkline::edge::jobs {

Report ClearCache::run() const {
  std::uint64_t count = 0;
  for (const Clear& clear : all_) count += clear();
  return {{"cleared", count}};
}

}  // namespace perkline::edge::jobs
