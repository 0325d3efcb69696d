#include "shared/ops/open_files.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace perkline::ops {

std::size_t raise_open_files_limit() {
  // Asked for no more than any server needs: where there is no limit the number would mean nothing.
  constexpr rlim_t enough = 1U << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, enough));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return static_cast<std::size_t>(std::min(limit.rlim_cur, enough));
}

}  // namespace perkline::ops
