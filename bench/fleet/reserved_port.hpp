#pragma once

#include <cstdint>
#include <utility>

#include "shared/core/random.hpp"

namespace perkline::bench {

/// A loopback port that nobody else takes for as long as this lives, though the programs it is meant for may
/// listen on it, end, and listen again. A socket is bound to it without listening, which Linux lets those
/// share that set SO_REUSEADDR or SO_REUSEPORT, as servers do; who looks for a free port finds it taken.
class ReservedPort {
 public:
  /// One below the range that the kernel takes for outgoing connections.
  static ReservedPort any(Rng& rng);
  /// Somebody else's choice: not held.
  static ReservedPort given(std::uint16_t port) { return {port, -1}; }

  ReservedPort(ReservedPort&& other) noexcept : port_(other.port_), fd_(std::exchange(other.fd_, -1)) {}
  ReservedPort& operator=(ReservedPort&&) = delete;
  ~ReservedPort();

  std::uint16_t number() const { return port_; }

 private:
  ReservedPort(std::uint16_t port, int fd) : port_(port), fd_(fd) {}
  std::uint16_t port_;
  int fd_;
};

}  // namespace perkline::bench
