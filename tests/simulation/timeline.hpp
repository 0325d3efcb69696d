#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "shared/core/clock.hpp"

namespace perkline::simulation {

/// The simulated world's own time, and what happens in it outside of every process: frames and requests on
/// their way, power cuts, clocks set wrong. One thread.
class Timeline {
 public:
  using Duration = MonoTime::duration;

  /// Since the run began.
  Duration now() const { return now_; }
  void at(Duration time, std::function<void()> work) {
    due_.emplace(std::pair(std::max(time, now_), ++order_), std::move(work));
  }
  void after(Duration delay, std::function<void()> work) { at(now_ + delay, std::move(work)); }

  /// nullopt: nothing will happen.
  std::optional<Duration> next_due() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first.first);
  }
  void advance_to(Duration time) { now_ = std::max(now_, time); }
  /// Runs what is due now, each thing once, in the order of its time. False: nothing was.
  bool run_due() {
    bool ran = false;
    while (!due_.empty() && due_.begin()->first.first <= now_) {
      due_.extract(due_.begin()).mapped()();
      ran = true;
    }
    return ran;
  }

 private:
  Duration now_{};
  std::uint64_t order_ = 0;
  std::multimap<std::pair<Duration, std::uint64_t>, std::function<void()>> due_;
};

}  // namespace perkline::simulation
