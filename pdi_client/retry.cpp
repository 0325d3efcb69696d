#include "pdi_client/retry.hpp"

#include <algorithm>

namespace perkline::pdi {

bool is_worth_repeating(const FirstAttempt& first) {
  return first.outcome == Outcome::unavailable && first.left >= first.timeout / 5;
}

bool RetryBudget::take(MonoTime now) {
  const Counts sum = counted_.sum(now);
  if (sum.retries >= std::max(always_, sum.calls / calls_per_retry)) return false;
  counted_.at(now).retries += 1;
  return true;
}

}  // namespace perkline::pdi
