#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace perkline {

/// Randomness as a port: the system's in production, seeded in simulation.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound), without bias. `bound` > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  void fill(std::span<std::uint8_t> bytes);
};

/// The kernel's getrandom(2): fit for keys and ids. Any thread.
class SystemRng final : public Rng {
 public:
  std::uint64_t next() override;
};

/// Repeatable; never for secrets.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace perkline
