#include "edge/jobs/pace.hpp"

#include "shared/net/deadline.hpp"

namespace perkline::edge::jobs {
namespace {

Task<Result<void>> told(std::shared_ptr<net::Signal> signal) {
  co_await signal->wait();
  co_return Result<void>{};
}

}  // namespace

Task<bool> Pace::wait_until(MonoTime time) {
  if (!stopped_) (void)co_await net::with_deadline(clock_, time, told(stop_));
  co_return !stopped_;
}

void Pace::stop() {
  stopped_ = true;
  stop_->notify();
}

}  // namespace perkline::edge::jobs
