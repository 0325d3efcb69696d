#include "pdi_client/verdict.hpp"

#include <utility>

namespace perkline::pdi {

void judge(Breaker::Permit permit, const Failure& failure, MonoTime now) {
  switch (failure.outcome) {
    case Outcome::rejected:
    case Outcome::forbidden:
      return std::move(permit).succeeded(false, now);
    case Outcome::unauthorized:
    case Outcome::unavailable:
      return std::move(permit).failed(now, failure.error.retry_after);
    case Outcome::rate_limited:
    case Outcome::no_token:
    case Outcome::not_tried:
    case Outcome::cancelled:
      return;
  }
}

}  // namespace perkline::pdi
