#include "shared/core/backoff.hpp"

#include <algorithm>

namespace perkline {

Millis full_jitter(Rng& rng, unsigned attempt, Millis base, Millis cap) {
  Millis ceiling = base;
  for (unsigned i = 0; i < attempt && ceiling < cap; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, cap);
  if (ceiling <= Millis{0}) return Millis{0};
  return Millis{static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(ceiling.count())))};
}

}  // namespace perkline
