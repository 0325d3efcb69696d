#include "shared/core/random.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <pthread.h>
#include <sys/random.h>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline {
namespace {

/// A thread's words that are not used yet: a call of the kernel costs as much as all else of an id.
class Words {
 public:
  std::uint64_t next() {
    if (left_ == 0) refill();
    --left_;
    return std::exchange(words_[left_], 0);
  }
  void forget() { left_ = 0; }

 private:
  void refill();

  std::array<std::uint64_t, 32> words_{};
  std::size_t left_ = 0;
};

thread_local Words words;

void Words::refill() {
  // A child has its parent's words: neither may use what the other does.
  static const int forgotten_by_children = ::pthread_atfork(nullptr, nullptr, [] { words.forget(); });
  PERKLINE_ASSERT(forgotten_by_children == 0);
  // Up to 256 bytes are never cut short nor interrupted once the kernel's pool is ready (getrandom(2)).
  PERKLINE_ASSERT(::getrandom(words_.data(), sizeof words_, 0) == sizeof words_);
  left_ = words_.size();
}

}  // namespace

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
  return words.next();
}

}  // namespace perkline
