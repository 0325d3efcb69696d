#include "shared/core/random.hpp"

#include <algorithm>
#include <cstring>
#include <sys/random.h>

#include "shared/core/assert.hpp"

namespace perkline {

std::uint64_t Rng::below(std::uint64_t bound) {
  PERKLINE_ASSERT(bound > 0);
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t drawn = next();
  while (drawn >= limit) drawn = next();
  return drawn % bound;
}

double Rng::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

void Rng::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t word = next();
    const std::size_t count = std::min(bytes.size(), sizeof word);
    std::memcpy(bytes.data(), &word, count);
    bytes = bytes.subspan(count);
  }
}

std::uint64_t SystemRng::next() {
  std::uint64_t word = 0;
  // Up to 256 bytes are never cut short nor interrupted once the kernel's pool is ready (getrandom(2)).
  PERKLINE_ASSERT(::getrandom(&word, sizeof word, 0) == sizeof word);
  return word;
}

}  // namespace perkline
