#include "tests/support/sim_link.hpp"

#include "shared/net/deadline.hpp"

namespace perkline::test {
namespace {

/// How often a frame arrives, and how late each time.
std::vector<Millis> arrivals(Rng& rng, const LineFaults& faults) {
  const auto delay = [&] {
    return faults.delay_max > Millis{0} ? Millis{static_cast<std::int64_t>(rng.below(
                                              static_cast<std::uint64_t>(faults.delay_max.count())))}
                                        : Millis{0};
  };
  if (rng.unit() < faults.lost) return {};
  std::vector<Millis> all{delay()};
  if (rng.unit() < faults.doubled) all.push_back(delay());
  return all;
}

}  // namespace

SimLink::SimLink(SimWorld& store, SimWorld& hub, Rng& rng, LineFaults faults, HubAnswer answer)
    : store_(store),
      hub_(std::make_shared<Hub>(
          Hub{.world = hub, .rng = rng, .faults = faults, .answer = std::move(answer), .inbox = inbox_})) {}

Result<void> SimLink::send(std::string frame) {
  for (const Millis there : arrivals(hub_->rng, hub_->faults)) hub_->world.spawn(carry(hub_, frame, there));
  return {};
}

Task<void> SimLink::carry(std::shared_ptr<Hub> hub, std::string frame, Millis there) {
  co_await hub->world.clock().sleep(there);
  const auto reply = co_await hub->answer(std::move(frame));
  if (!reply) co_return;
  for (const Millis back : arrivals(hub->rng, hub->faults)) hub->world.spawn(carry_back(hub, *reply, back));
}

Task<void> SimLink::carry_back(std::shared_ptr<Hub> hub, std::string frame, Millis back) {
  co_await hub->world.clock().sleep(back);
  if (const auto inbox = hub->inbox.lock()) {
    inbox->frames.push_back(std::move(frame));
    inbox->arrived.notify();
  }
}

Task<Result<std::string>> SimLink::receive(MonoTime deadline) {
  struct Wait {
    static Task<Result<void>> arrival(std::shared_ptr<Inbox> inbox) {
      co_await inbox->arrived.wait();
      co_return Result<void>{};
    }
  };
  while (inbox_->frames.empty()) {
    if (!co_await net::with_deadline(store_.clock(), deadline, Wait::arrival(inbox_)))
      co_return fail(Errc::timed_out);
  }
  std::string frame = std::move(inbox_->frames.front());
  inbox_->frames.pop_front();
  co_return frame;
}

void SimLink::deliver(std::string frame) {
  inbox_->frames.push_back(std::move(frame));
  inbox_->arrived.notify();
}

void SimLink::reconnect() {
  // What is on its way back finds no inbox any more.
  inbox_->frames.clear();
  hub_ = std::make_shared<Hub>(*hub_);
}

}  // namespace perkline::test
