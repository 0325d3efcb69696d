#include "edge/jobs/pace.hpp"

namespace perkline::edge::jobs {

Task<bool> Pace::wait_until(MonoTime time) {
  if (!stopped_) (void)co_await clock_.wait_for(*stop_, time);
  co_return !stopped_;
}

void Pace::stop() {
  stopped_ = true;
  stop_->notify();
}

}  // namespace perkline::edge::jobs
