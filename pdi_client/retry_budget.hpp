#pragma once

#include <algorithm>

namespace perkline::pdi {

/// Keeps retries under a fifth of calls, so that a PDI in trouble is not called into more of it; a few are
/// saved up for a quiet hour. Pure.
class RetryBudget {
 public:
  static constexpr int calls_per_retry = 5;
  static constexpr int saved_max = 10 * calls_per_retry;

  void note_call() { saved_ = std::min(saved_ + 1, saved_max); }
  /// Whether one more call may be a retry; it is counted as made.
  bool take() {
    if (saved_ < calls_per_retry) return false;
    saved_ -= calls_per_retry;
    return true;
  }

 private:
  int saved_ = saved_max;
};

}  // namespace perkline::pdi
