#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "shared/core/random.hpp"
#include "shared/net/signal.hpp"
#include "tests/simulation/trace.hpp"

namespace perkline::simulation {

/// Whether a process lives, and whether it dies at this very point: before or after a call of one of its
/// ports. Whatever of a dead process still runs has no effect on anything, until its world is destroyed.
class Fate {
 public:
  Fate(std::string who, Trace& trace, std::uint64_t seed, double rate)
      : who_(std::move(who)), trace_(trace), rng_(seed), rate_(rate) {}

  /// True: it is dead, perhaps from now on.
  bool strikes(std::string_view point) {
    if (!dead_ && rate_ > 0 && rng_.unit() < rate_) die(point);
    return dead_;
  }
  void die(std::string_view point) {
    dead_ = true;
    trace_.note(who_, "dies", point);
  }
  bool dead() const { return dead_; }
  void revive() { dead_ = false; }
  /// Nothing strikes it any more.
  void spare() { rate_ = 0; }
  const std::string& who() const { return who_; }

 private:
  std::string who_;
  Trace& trace_;
  SeededRng rng_;
  double rate_;
  bool dead_ = false;
};

/// What a dead process's flow waits for. Returns when it is cancelled, to go on without effect.
inline Task<void> wait_for_ever() {
  net::Signal never;
  co_await never.wait();
}

}  // namespace perkline::simulation
